package demo

import (
	"fmt"
	"strings"
	"time"

	"github.com/rwsplit/rwsplit/cmd/rwsplit/internal/human"
	"github.com/rwsplit/rwsplit/cmd/rwsplit/internal/terminal"
	"github.com/rwsplit/rwsplit/splitter"
)

// page is all that the page shows. Drawing it is a pure function.
type page struct {
	title  string        // what runs
	length time.Duration // of the demonstration; 0: without end
	names  map[string]string
	before sample // a little earlier than now, for rates
	now    sample
	said   string   // what is being done, and what one sees of it
	log    []string // what was seen, the newest last
	hint   string   // how to end it
}

// draw returns the page, a line each, none longer than the width and no more
// than the height.
func (p *page) draw(width, height int, style terminal.Style) string {
	lines := []string{p.head(width, style), ""}
	lines = append(lines, p.health(style)...)
	lines = append(lines, "")
	lines = append(lines, p.work(width, style)...)
	lines = append(lines, "")
	lines = append(lines, p.totals(width, style)...)
	lines = append(lines, "")

	// What is left is for the news, at least the last word and a few lines.
	const news = 5
	if len(lines)+news+1 > height {
		lines = withoutBlanks(lines)
	}
	lines = append(lines, p.news(width, height-1-len(lines), style)...)
	for len(lines) < height-1 {
		lines = append(lines, "")
	}
	lines = append(lines[:max(0, min(len(lines), height-1))], style.Dim(p.hint))
	for i := range lines {
		lines[i] = strings.TrimRight(terminal.Cut(lines[i], width), " ")
	}
	return strings.Join(lines, "\n")
}

func withoutBlanks(lines []string) []string {
	kept := lines[:0]
	for _, l := range lines {
		if l != "" {
			kept = append(kept, l)
		}
	}
	return kept
}

func (p *page) head(width int, style terminal.Style) string {
	clock := human.Clock(p.now.at)
	if p.length > 0 {
		clock += " of " + human.Clock(p.length)
	}
	const name = "rwsplit demo"
	title := terminal.Left("  "+p.title, width-len(name)-len(clock)-1)
	return style.Bold(name) + title + " " + style.Bold(clock)
}

// nameWidth is the width of the column of server names.
func (p *page) nameWidth() int {
	w := len("SERVER")
	for _, m := range p.now.stats.Members {
		w = max(w, terminal.Width(nameOf(p.names, m.Name)))
	}
	return min(w, 21)
}

// health is the table of roles, states and lags.
func (p *page) health(style terminal.Style) []string {
	w := p.nameWidth()
	left, right := terminal.Left, terminal.Right
	lines := []string{style.Dim(left("SERVER", w) + left("  ROLE", 10) + left(" STATE", 9) + right("LAG TIME", 9) + right("BEHIND", 11) + "  NOTE")}
	for i := range p.now.stats.Members {
		m := &p.now.stats.Members[i]
		lag, distance := lagOf(m)
		state := left(m.State, 8)
		switch m.State {
		case "up":
			state = style.Green(state)
		case "down", "failed":
			state = style.Red(state)
		default:
			state = style.Yellow(state)
		}
		lines = append(lines, style.Bold(left(nameOf(p.names, m.Name), w))+"  "+left(m.Role, 8)+" "+state+
			right(lag, 9)+right(distance, 11)+"  "+brief(m.Reason))
	}
	return lines
}

// lagOf prints a replica's lag in time and in positions, "-" where that says nothing.
func lagOf(m *splitter.MemberStats) (lag, distance string) {
	lag, distance = "-", "-"
	if m.Role != "replica" || m.State == "down" || m.State == "unknown" {
		return lag, distance
	}
	if m.Lag != nil {
		lag = human.Duration(*m.Lag)
	}
	if m.LagDistance != nil {
		distance = human.Distance(*m.LagDistance, m.LagUnit)
	}
	return lag, distance
}

// brief is the end of an error, which is what the page has room for.
func brief(reason string) string {
	reason = terminal.Plain(reason)
	if i := strings.LastIndex(reason, ": "); i >= 0 {
		return reason[i+2:]
	}
	return reason
}

// work is the table of what each server does now.
func (p *page) work(width int, style terminal.Style) []string {
	w := p.nameWidth()
	ofReads, ofWrites, share := "SHARE OF READS", "SHARE OF WRITES", 17
	const fixed = 2 + 5 + 9 + 10 + 11 + 9
	bar := min(width-w-fixed-share, 40)
	if bar < len(ofReads)-5 { // long names, or a narrow terminal
		ofReads, ofWrites, share = "OF READS", "OF WRITES", 11
		bar = max(width-w-fixed-share, 0)
	}
	left, right := terminal.Left, terminal.Right
	lines := []string{style.Dim(left("SERVER", w) + "  " + left(ofReads, bar+5) + right("READS/S", 9) +
		right(ofWrites, share) + right("WRITES/S", 10) + right("IN FLIGHT", 11) + right("LATENCY", 9))}

	seconds := (p.now.at - p.before.at).Seconds()
	rates := make([]struct{ reads, writes float64 }, len(p.now.stats.Members))
	var reads, writes float64
	for i, m := range p.now.stats.Members {
		if seconds > 0 && i < len(p.before.stats.Members) {
			old := p.before.stats.Members[i]
			rates[i].reads = float64(m.Reads-old.Reads) / seconds
			rates[i].writes = float64(m.Writes-old.Writes) / seconds
		}
		reads += rates[i].reads
		writes += rates[i].writes
	}
	for i, m := range p.now.stats.Members {
		latency := "-"
		if m.Latency > 0 && m.State != "down" {
			latency = human.Duration(m.Latency)
		}
		filled := 0.0
		if reads > 0 {
			filled = rates[i].reads / reads
		}
		lines = append(lines, style.Bold(left(nameOf(p.names, m.Name), w))+"  "+style.Cyan(style.Bar(filled, bar))+
			right(human.Percent(rates[i].reads, reads), 5)+
			right(fmt.Sprintf("%.0f", rates[i].reads), 9)+
			right(human.Percent(rates[i].writes, writes), share)+
			right(fmt.Sprintf("%.0f", rates[i].writes), 10)+
			right(fmt.Sprint(m.InFlight), 11)+right(latency, 9))
	}
	return lines
}

// totals are the counts since the start.
func (p *page) totals(width int, style terminal.Style) []string {
	s, shop := &p.now.stats, &p.now.shop
	const margin = 13
	var lines []string
	line := func(label, format string, args ...any) {
		for i, l := range terminal.Wrap(fmt.Sprintf(format, args...), width-margin) {
			if i > 0 {
				label = ""
			}
			lines = append(lines, terminal.Left(label, margin)+l)
		}
	}
	reads, replicas := total(s.Reads), onReplicas(s)
	line("since start", "%s, %s of them on replicas; %s, on the primary", human.Plural(reads, "read"),
		human.Percent(float64(replicas), float64(reads)), human.Plural(written(s), "write"))
	line("fallbacks", "%s", fallbacks(s.Fallbacks))
	line("waits", "%s waited for a replica to catch up, %s got it in time", human.Plural(s.Waits, "read"), human.Count(s.Waited))
	line("retries", "%s tried again elsewhere, %s refused by a replica", human.Plural(s.Retries, "read"), human.Count(s.Corrections))
	line("errors", "%s seen by users", human.Count(shop.Errors))
	if shop.Errors > 0 {
		lines[len(lines)-1] = style.Red(lines[len(lines)-1])
	}
	verdict := style.Green
	if shop.Stale() > 0 {
		verdict = style.Red
	}
	lines = append(lines,
		verdict(terminal.Left("STALE READS", margin)+human.Count(shop.Stale()))+
			fmt.Sprintf(" in %s with what the reader wrote or saw before", human.Plural(shop.Checks, "comparison")),
		style.Dim(strings.Repeat(" ", margin)+fmt.Sprintf("(%s of %s with eventual consistency were old, as they may be)",
			human.Count(shop.EventualOld), human.Plural(shop.Eventual, "read"))))
	return lines
}

// news are the last word and, in the lines that are left, what was seen of late.
func (p *page) news(width, room int, style terminal.Style) []string {
	const label = "now  "
	var lines []string
	for i, l := range terminal.Wrap(p.said, width-len(label)) {
		prefix := strings.Repeat(" ", len(label))
		if i == 0 {
			prefix = style.Bold(label)
		}
		lines = append(lines, prefix+l)
	}
	if rest := room - len(lines); rest > 0 {
		for _, l := range p.log[max(0, len(p.log)-rest):] {
			lines = append(lines, style.Dim(l))
		}
	}
	return lines
}

// nameOf is what a member is called here.
func nameOf(names map[string]string, member string) string {
	if name := names[member]; name != "" {
		return name
	}
	return member
}
