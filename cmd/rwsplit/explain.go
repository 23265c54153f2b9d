package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/rwsplit/rwsplit/cmd/rwsplit/internal/terminal"
	"github.com/rwsplit/rwsplit/internal/statement"
)

const explainHelp = `Usage: rwsplit explain [flags] [statement ...]

Explain says for each statement of an engine whether it may go to a replica, and
why:

	read      any member that is fresh enough may answer
	write     for the primary: it writes, or nobody can prove that it does not
	session   for the primary, on one connection together with what follows: it
	          makes or uses state of the connection

Statements are the arguments or, without any, the lines of the standard input.
After "--" a statement may begin with a dash.

No server is asked. So the functions that a database defines itself are not
known here, and a statement that calls one is a write, "unknown_function". At
run time the database's catalog tells which of them are harmless.

With -json a line of input is {"sql": "…"}, and for each there is one line of
output, in order: {"sql": "…", "route": "read", "reason": "plain_read"}, with
"detail" where one word decided. The reasons are those of the statistics. A
line that is not such an object, or is longer than 16 MB, gets
{"error": "line 3: …"} in its place; the exit status is then 1 at the end.
Output is flushed whenever the input pauses, so that a program may ask one
statement at a time. Without -json, empty lines are skipped.

Exit status: 0, or 1 after a line that could not be read, or 2 for a wrong
command line.
`

// maxLine is the longest line of input, in bytes.
const maxLine = 16 << 20

func explain(_ context.Context, args []string, s streams) int {
	flags := flag.NewFlagSet("explain", flag.ContinueOnError)
	engine := flags.String("engine", "postgres", "the `name` of the engine that the statements are for: postgres, mysql or mariadb")
	asJSON := flags.Bool("json", false, "read and write JSON objects, one a line")
	statements, status := parse(flags, explainHelp, args, s)
	if status >= 0 {
		return status
	}
	dialect, err := dialectOf(*engine)
	if err != nil {
		return wrong(s, "explain", err)
	}
	out := bufio.NewWriterSize(s.out, 64<<10)
	e := &explainer{dialect: dialect, out: out}
	e.json = json.NewEncoder(out)
	e.json.SetEscapeHTML(false)
	switch {
	case len(statements) > 0:
		e.all(statements, *asJSON)
	case *asJSON:
		err = eachLine(s.in, out, e.jsonLine)
	default:
		if f, isFile := s.in.(*os.File); isFile && terminal.IsTerminal(f) {
			fmt.Fprintln(s.err, "statements, one a line; Ctrl-D ends")
		}
		err = eachLine(s.in, out, e.textLine)
	}
	if err = errors.Join(err, out.Flush()); err != nil {
		fmt.Fprintln(s.err, "rwsplit explain:", err)
		return failed
	}
	if e.bad {
		return failed
	}
	return ok
}

// explainer classifies statements and prints what came of it.
type explainer struct {
	dialect statement.Dialect
	out     *bufio.Writer
	json    *json.Encoder // to out
	bad     bool          // a line could not be read
}

// verdict is a line of output with -json.
type verdict struct {
	SQL    string `json:"sql"`
	Route  string `json:"route"`
	Reason string `json:"reason"`
	Detail string `json:"detail,omitempty"`
}

// widest is the width of the column of reasons when the statements are not all
// known before the first is printed: few reasons with their details are wider.
const widest = 44

func (e *explainer) all(statements []string, asJSON bool) {
	width := 0
	for _, sql := range statements {
		_, reason, detail := e.resolve(sql)
		width = max(width, terminal.Width(why(reason, detail)))
	}
	for _, sql := range statements {
		if asJSON {
			e.printJSON(sql)
		} else {
			e.printText(sql, width)
		}
	}
}

func (e *explainer) resolve(sql string) (statement.Kind, statement.Reason, string) {
	return statement.Classify(e.dialect, sql).Resolve(nil)
}

// why is the reason for people, with the word that decided.
func why(reason statement.Reason, detail string) string {
	if detail == "" || strings.HasSuffix(reason.String(), "("+detail+")") { // as of FOR UPDATE
		return reason.String()
	}
	return fmt.Sprintf("%s (%s)", reason, terminal.Plain(detail))
}

func (e *explainer) printText(sql string, width int) {
	kind, reason, detail := e.resolve(sql)
	fmt.Fprintf(e.out, "%-7s  %s  %s\n", kind, pad(why(reason, detail), width), terminal.Plain(sql))
}

// pad is terminal.Left that does not cut.
func pad(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-terminal.Width(text)))
}

func (e *explainer) printJSON(sql string) error {
	kind, reason, detail := e.resolve(sql)
	return e.json.Encode(verdict{sql, kind.String(), reason.Key(), detail})
}

func (e *explainer) textLine(n int, line []byte, err error) error {
	if err != nil {
		e.bad = true
		fmt.Fprintf(e.out, "error    line %d: %v\n", n, err)
	} else if len(bytes.TrimSpace(line)) > 0 {
		e.printText(string(line), widest)
	}
	return nil
}

func (e *explainer) jsonLine(n int, line []byte, err error) error {
	var question struct{ SQL *string }
	if err == nil {
		err = json.Unmarshal(line, &question)
	}
	if err == nil && question.SQL == nil {
		err = errors.New(`no "sql" in the object`)
	}
	if err != nil {
		e.bad = true
		return e.json.Encode(struct {
			Error string `json:"error"`
		}{fmt.Sprintf("line %d: %v", n, err)})
	}
	return e.printJSON(*question.SQL)
}

var errLongLine = errors.New("longer than 16 MB")

// eachLine calls f for each line of in, without its line break, or with the
// error of a line that is too long. Before it reads on it flushes out: whoever
// writes the input may wait for the answer.
func eachLine(in io.Reader, out *bufio.Writer, f func(n int, line []byte, err error) error) error {
	r := bufio.NewReaderSize(&flushing{in, out}, 64<<10)
	var long []byte // a line that does not fit the reader's buffer
	size := 0
	for n := 1; ; {
		part, err := r.ReadSlice('\n')
		if err != nil && err != bufio.ErrBufferFull && err != io.EOF {
			return err
		}
		size += len(part)
		if err == bufio.ErrBufferFull {
			if size <= maxLine {
				long = append(long, part...)
			}
			continue
		}
		if err == io.EOF && size == 0 {
			return nil
		}
		line := part
		if len(long) > 0 && size <= maxLine {
			line = append(long, part...)
		}
		line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
		var tooLong error
		if size > maxLine {
			line, tooLong = nil, errLongLine
		}
		if failure := f(n, line, tooLong); failure != nil || err == io.EOF {
			return failure
		}
		if cap(long) > 1<<20 {
			long = nil
		}
		n, long, size = n+1, long[:0], 0
	}
}

// flushing flushes the output before it may have to wait for input.
type flushing struct {
	in  io.Reader
	out *bufio.Writer
}

func (f *flushing) Read(p []byte) (int, error) {
	if err := f.out.Flush(); err != nil {
		return 0, err
	}
	return f.in.Read(p)
}
