select 1

select u.id, count(o.id) as n from users u left join orders o on o.user_id = u.id where u.email = ? and u.created_at > now() - interval 7 day group by u.id having count(*) > 1 order by n desc limit 20 offset 5

with recursive tree (id, parent) as (select id, parent_id from c where parent_id is null union all select c.id, c.parent_id from c join tree t on t.id = c.parent_id) select * from tree

select returning_customers, `for update`, t.for from t where note = ';commit' and x like 'a\_b'

select a from t where b in (select b from u for update)

select 1 /*! for update */

select * from t lock in share mode

select @n := @n + 1, a from t, (select @n := 0) x

select 1e5for update

select * from t where name = 'it\'s' and b = "that\"s"

select sql_calc_found_rows * from t limit 5

select match (a, b) against ('x' in boolean mode) from t

select * from information_schema.processlist

explain analyze select * from t for update

select a from t into outfile 'x'

select get_lock('a', 1), `last_insert_id`()

select cast(a as decimal(10,2)), convert(b, datetime(6)) from t partition (p0) use index (i)
