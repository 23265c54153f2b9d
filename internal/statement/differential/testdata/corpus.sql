select 1

select u.id, u.name, count(o.id) filter (where o.paid) as paid from users u left join orders o on o.user_id = u.id where u.email = $1 and u.created_at > now() - interval '7 days' group by 1, 2 having count(*) > 1 order by paid desc nulls last limit 20 offset $2

with recursive tree(id, parent, depth) as (select id, parent_id, 0 from categories where parent_id is null union all select c.id, c.parent_id, t.depth + 1 from categories c join tree t on t.id = c.parent_id) search depth first by id set ord select * from tree order by ord

select returning_customers, "for update", t.for from t where note = ';commit' and x like 'a\_b' escape '\'

select substring(name for 2), overlay(name placing 'x' from 1 for 2) from t

select a from t where b in (select b from u for update)

with x as (insert into t values (1) returning *) select * from x

with x as (select 1), y as (delete from t returning *) select * from x, y

select distinct on (a) nextval('s') from t

select 1 operator(pg_catalog.+) nextval('s')

select * from xmltable('/a' passing '<a/>' columns x int path nextval('s'))

select treat('s' as nextval)

select json_agg(row_to_json(t)) from (select a, b::numeric(10,2) from t) t(a, b)

select x.a from unnest($1::int[], $2::text[]) with ordinality as x(a, b, n), f(x.a)

explain (analyze false, analyze) delete from t

copy (select a, b from t order by 1) to stdout with (format csv, header, force_quote (a))
