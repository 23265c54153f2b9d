package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
)

// call runs a command as main does.
func call(t testing.TB, input io.Reader, args ...string) (status int, out, errors string) {
	t.Helper()
	var o, e bytes.Buffer
	status = run(t.Context(), args, streams{input, &o, &e})
	return status, o.String(), e.String()
}

func TestExplain(t *testing.T) {
	long := strings.Repeat("x", maxLine)
	for _, c := range []struct {
		name   string
		args   []string
		input  string
		want   string
		status int
	}{
		{
			name: "arguments",
			args: []string{"SELECT 1", "INSERT INTO t\n\tVALUES (1)", "SET x = 1", "SELECT my_function()"},
			want: "read     a plain read                                      SELECT 1\n" +
				"write    changes data (INSERT)                             INSERT INTO t VALUES (1)\n" +
				"session  changes a setting (SET)                           SET x = 1\n" +
				"write    calls a function that is not known (my_function)  SELECT my_function()\n",
		},
		{
			name:  "lines",
			input: "SELECT 1\r\n\n  \nDELETE FROM t",
			want: "read     a plain read                                  SELECT 1\n" +
				"write    changes data (DELETE)                         DELETE FROM t\n",
		},
		{
			name:  "JSON",
			args:  []string{"-json"},
			input: `{"sql":"SELECT '<ä>'"}` + "\n" + `{"sql":"SELECT f()"}` + "\n" + `{"sql":"BEGIN"}`,
			want: `{"sql":"SELECT '<ä>'","route":"read","reason":"plain_read"}` + "\n" +
				`{"sql":"SELECT f()","route":"write","reason":"unknown_function","detail":"f"}` + "\n" +
				`{"sql":"BEGIN","route":"session","reason":"transaction_control","detail":"BEGIN"}` + "\n",
		},
		{
			name: "JSON of arguments",
			args: []string{"-json", "--", "-- a comment\nSELECT 1"},
			want: `{"sql":"-- a comment\nSELECT 1","route":"read","reason":"plain_read"}` + "\n",
		},
		{
			name:  "bad lines of JSON",
			args:  []string{"-json"},
			input: "nonsense\n{}\n\n" + `{"sql":"SELECT 1"}` + "\n" + `{"sql":1}`,
			want: `{"error":"line 1: invalid character 'o' in literal null (expecting 'u')"}` + "\n" +
				`{"error":"line 2: no \"sql\" in the object"}` + "\n" +
				`{"error":"line 3: unexpected end of JSON input"}` + "\n" +
				`{"sql":"SELECT 1","route":"read","reason":"plain_read"}` + "\n" +
				`{"error":"line 5: json: cannot unmarshal number into Go struct field .SQL of type string"}` + "\n",
			status: failed,
		},
		{
			name:   "a line that is too long",
			args:   []string{"-json"},
			input:  long + "\n" + `{"sql":"SELECT 1"}` + "\n" + long,
			want:   `{"error":"line 1: longer than 16 MB"}` + "\n" + `{"sql":"SELECT 1","route":"read","reason":"plain_read"}` + "\n",
			status: failed,
		},
		{name: "nothing", input: "", want: ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, out, errors := call(t, strings.NewReader(c.input), append([]string{"explain"}, c.args...)...)
			if c.name == "a line that is too long" {
				// The last line has just the length that is allowed.
				out = out[:strings.LastIndex(strings.TrimSuffix(out, "\n"), "\n")+1]
			}
			if out != c.want {
				t.Errorf("got\n%s\nwant\n%s", out, c.want)
			}
			if status != c.status || errors != "" {
				t.Errorf("status %d, want %d; on stderr: %q", status, c.status, errors)
			}
		})
	}
}

// One text is not the same to all engines.
func TestExplainEngines(t *testing.T) {
	questions := []string{
		"SELECT a FROM t /*! FOR UPDATE */",
		"SELECT a FROM t /*M! FOR UPDATE */",
		"SELECT pg_is_in_recovery()",
		"SELECT last_insert_id()",
		"REPLACE INTO t VALUES (1)",
		"SET sql_mode = ''",
	}
	for engine, want := range map[string][]string{
		"postgres": {"read plain_read", "read plain_read", "write node_local", "write unknown_function", "write unknown_statement", "session setting"},
		"mysql":    {"write row_lock", "read plain_read", "write unknown_function", "session connection_state", "write data_modification", "session setting"},
		"mariadb":  {"write row_lock", "write row_lock", "write unknown_function", "session connection_state", "write data_modification", "session setting"},
	} {
		t.Run(engine, func(t *testing.T) {
			var input strings.Builder
			for _, sql := range questions {
				json.NewEncoder(&input).Encode(map[string]string{"sql": sql})
			}
			status, out, errors := call(t, strings.NewReader(input.String()), "explain", "-json", "-engine", engine)
			lines := strings.Split(strings.TrimSpace(out), "\n")
			if status != ok || errors != "" || len(lines) != len(questions) {
				t.Fatalf("status %d, %q, output\n%s", status, errors, out)
			}
			for i, line := range lines {
				var v verdict
				if err := json.Unmarshal([]byte(line), &v); err != nil || v.SQL != questions[i] || v.Route+" "+v.Reason != want[i] {
					t.Errorf("%v: want %s, got %s", err, want[i], line)
				}
			}
		})
	}
}

func TestLongStatement(t *testing.T) {
	sql := "SELECT '" + strings.Repeat("x", 15<<20) + "'"
	status, out, _ := call(t, strings.NewReader(`{"sql":"`+sql+`"}`+"\n"+`{"sql":"SELECT 2"}`), "explain", "-json")
	lines := strings.Split(out, "\n")
	if status != ok || len(lines) != 3 {
		t.Fatalf("status %d, %d lines", status, len(lines))
	}
	var v verdict
	if err := json.Unmarshal([]byte(lines[0]), &v); err != nil || v.SQL != sql || v.Route != "read" {
		t.Errorf("route %q, reason %q, %v", v.Route, v.Reason, err)
	}
	if !strings.Contains(lines[1], "SELECT 2") {
		t.Errorf("the next line is %q", lines[1])
	}
}

// A program asks one statement at a time and waits for the answer, even when it
// has begun to write the next.
func TestExplainAnswersAtOnce(t *testing.T) {
	in, questions, err := os.Pipe() // which, as programs use it, keeps what is written
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	answers, out := io.Pipe()
	done := make(chan int)
	go func() {
		done <- run(t.Context(), []string{"explain", "-json"}, streams{in, out, io.Discard})
	}()
	r := bufio.NewReader(answers)
	const begun = `{"sql":`
	io.WriteString(questions, begun)
	for i := range 3 {
		fmt.Fprintf(questions, `"SELECT %d"}`+"\n"+begun, i)
		answer, err := r.ReadString('\n')
		if want := fmt.Sprintf(`{"sql":"SELECT %d","route":"read","reason":"plain_read"}`+"\n", i); answer != want || err != nil {
			t.Fatalf("got %q (%v), want %q", answer, err, want)
		}
	}
	io.WriteString(questions, `"SELECT 4"}`)
	questions.Close()
	if answer, err := r.ReadString('\n'); !strings.Contains(answer, "SELECT 4") {
		t.Errorf("the last answer is %q (%v)", answer, err)
	}
	if status := <-done; status != ok {
		t.Errorf("status %d", status)
	}
}

func TestCommandLine(t *testing.T) {
	for _, c := range []struct {
		args   string
		status int
		out    string // part of it
		err    string // all of it, or its beginning if it ends in "…"
	}{
		{"", ok, "rwsplit explain", ""},
		{"help", ok, "rwsplit demo", ""},
		{"-h", ok, "rwsplit status", ""},
		{"version", ok, "rwsplit ", ""},
		{"version 2", misuse, "", "rwsplit version: it takes no arguments (rwsplit version -h tells more)\n"},
		{"dmeo", misuse, "", "rwsplit: unknown command \"dmeo\"; there are demo, status, explain, version\n"},
		{"explain -h", ok, "unknown_function", ""},
		{"explain -nosuch", misuse, "", "rwsplit explain: flag provided but not defined: -nosuch (rwsplit explain -h tells more)\n"},
		{"explain -engine MariaDB x", ok, "x", ""},
		{"explain -engine oracle x", misuse, "", "rwsplit explain: unknown -engine \"oracle\"; there are postgres, mysql, mariadb (rwsplit explain -h tells more)\n"},
		{"status -h", ok, "-interval duration", ""},
		{"status", misuse, "", "rwsplit status: the DSN is missing…"},
		{"status postgres://u:secret@h/d --nosuch", misuse, "", "rwsplit status: flag provided but not defined: -nosuch…"},
		{"status host=h password=secret", misuse, "", "rwsplit status: there is more than one DSN; quote one with blanks…"},
		{"status postgres://u:secret@h/d?rwsplit_x=1", misuse, "", "rwsplit status: DSN: unknown parameter rwsplit_x…"},
		{"status app:secret@tcp(h,i)/d?rwsplit_x=1", misuse, "", "rwsplit status: DSN: unknown parameter rwsplit_x…"},
		{"status mysql://app:secret@h/d", misuse, "", "rwsplit status: the form of the DSN is unknown…"},
		{"status -driver mysql://app:secret@h/d x", misuse, "", "rwsplit status: -driver is neither pgx nor mysql…"},
		{"status -driver mysql postgres://app:secret@h/d?rwsplit_x=1", misuse, "", "rwsplit status: DSN: …"},
		{"status -interval 0s x", misuse, "", "rwsplit status: -interval is not positive…"},
		{"status -timeout -1s x", misuse, "", "rwsplit status: -timeout is not positive…"},
		{"demo -h", ok, "stale_reads", ""},
		{"demo now", misuse, "", "rwsplit demo: it takes no arguments, and there is \"now\"…"},
		{"demo -for 0s", misuse, "", "rwsplit demo: -for is not positive…"},
		{"demo -for soon", misuse, "", "rwsplit demo: invalid value \"soon\" for flag -for…"},
		{"demo -replicas 0", misuse, "", "rwsplit demo: -replicas is not between 1 and 8…"},
		{"demo -clients 0", misuse, "", "rwsplit demo: -clients is not between 1 and 500…"},
		{"demo -engine oracle", misuse, "", "rwsplit demo: unknown -engine \"oracle\"; there are postgres, mysql, mariadb…"},
		{"demo -dsn secret", misuse, "", "rwsplit demo: the form of the DSN is unknown…"},
		{"demo -dsn x -engine mysql", misuse, "", "rwsplit demo: -engine is for servers that it starts…"},
		{"demo -dsn x -server 15", misuse, "", "rwsplit demo: -server is for servers that it starts…"},
		{"demo -driver mysql", misuse, "", "rwsplit demo: -driver is for the servers of -dsn…"},
		{"demo -dsn x -replicas 2", misuse, "", "rwsplit demo: -replicas is for servers that it starts…"},
	} {
		t.Run(c.args, func(t *testing.T) {
			status, out, errors := call(t, strings.NewReader(""), strings.Fields(c.args)...)
			if status != c.status {
				t.Errorf("status %d, want %d", status, c.status)
			}
			if !strings.Contains(out, c.out) || c.out == "" && out != "" {
				t.Errorf("output %q", out)
			}
			begin, open := strings.CutSuffix(c.err, "…")
			if errors != c.err && !(open && strings.HasPrefix(errors, begin)) {
				t.Errorf("error %q, want %q", errors, c.err)
			}
			if strings.Count(errors, "\n") > 1 || strings.Contains(errors, "secret") {
				t.Errorf("error %q", errors)
			}
		})
	}
}

func BenchmarkExplain(b *testing.B) {
	questions := []string{
		`{"sql":"SELECT id, name FROM customers WHERE id = $1"}`,
		`{"sql":"SELECT o.id, sum(i.price * i.quantity) FROM orders o JOIN order_items i ON i.order_id = o.id WHERE o.customer_id = $1 GROUP BY o.id ORDER BY o.id DESC LIMIT 10"}`,
		`{"sql":"UPDATE stock SET available = available - $2 WHERE product_id = $1"}`,
		`{"sql":"WITH gone AS (DELETE FROM carts WHERE customer_id = $1 RETURNING *) INSERT INTO order_items SELECT $2, product_id, quantity FROM gone"}`,
	}
	var input strings.Builder
	for i := range b.N {
		input.WriteString(questions[i%len(questions)] + "\n")
	}
	b.ResetTimer()
	status := run(b.Context(), []string{"explain", "-json"}, streams{strings.NewReader(input.String()), io.Discard, io.Discard})
	if status != ok {
		b.Fatal("status", status)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "statements/s")
}
