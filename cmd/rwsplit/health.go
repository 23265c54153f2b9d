package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/rwsplit/rwsplit/cmd/rwsplit/internal/human"
	"github.com/rwsplit/rwsplit/cmd/rwsplit/internal/terminal"
	"github.com/rwsplit/rwsplit/splitter"
)

// health is how the members of a cluster are at one moment. Of the statistics it
// has what concerns the members; the rest counts statements of a program, and
// this one has none.
type health struct {
	At      time.Time `json:"-"`
	Healthy bool      `json:"healthy"` // there is a primary, and all members are up
	Primary string    `json:"primary"` // its name; empty: there is none that can be used
	Members []member  `json:"members"`
}

type member struct {
	Name      string         `json:"name"`
	Role      string         `json:"role"`
	State     string         `json:"state"`
	Reason    string         `json:"reason,omitempty"`
	Position  string         `json:"position,omitempty"`
	Lag       *time.Duration `json:"lag_ns"`
	Distance  *int64         `json:"lag_distance"`
	Unit      string         `json:"lag_unit"` // of the distance
	SampleAge *time.Duration `json:"sample_age_ns"`
}

// settling is how long a first look watches for a lag that is not known yet.
const settling = 2 * time.Second

// look asks every member, and again while something is not known that a newer
// sample may tell.
func look(ctx context.Context, c *splitter.Cluster, timeout, settling time.Duration) *health {
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	for {
		c.Ping(ctx) // its errors are the reasons of the members
		h := healthOf(c.Stats())
		if h.told() || time.Since(began) >= settling {
			return h
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return h
		}
	}
}

func healthOf(s splitter.Stats) *health {
	h := &health{At: time.Now(), Healthy: true}
	for _, m := range s.Members {
		h.Members = append(h.Members, member{m.Name, m.Role, m.State, m.Reason, m.Position, m.Lag, m.LagDistance, m.LagUnit, m.SampleAge})
		if m.Role == "primary" && m.State == "up" {
			h.Primary = m.Name
		}
		h.Healthy = h.Healthy && m.State == "up"
	}
	h.Healthy = h.Healthy && h.Primary != ""
	return h
}

// told reports that the lag of every replica that answers is known.
func (h *health) told() bool {
	for _, m := range h.Members {
		switch {
		case m.State == "down", m.Role == "primary":
		case m.Lag == nil && m.Role != "stray":
			return false
		}
	}
	return true
}

// table prints the members, a line each.
func (h *health) table(style terminal.Style) string {
	rows := [][]string{{"MEMBER", "ROLE", "STATE", "LAG TIME", "BEHIND", "LAST ASKED", "NOTE"}}
	for _, m := range h.Members {
		row := []string{m.Name, m.Role, m.State, "-", "-", "never", terminal.Plain(m.Reason)}
		if m.Role == "replica" && m.State != "down" {
			if m.Lag != nil {
				row[3] = human.Duration(*m.Lag)
			}
			if m.Distance != nil {
				row[4] = human.Distance(*m.Distance, m.Unit)
			}
		}
		if m.SampleAge != nil {
			row[5] = human.Duration(*m.SampleAge) + " ago"
		}
		rows = append(rows, row)
	}
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], terminal.Width(cell))
		}
	}
	var b strings.Builder
	for r, row := range rows {
		for i, cell := range row {
			switch {
			case i >= 3 && i <= 5:
				row[i] = terminal.Right(cell, widths[i])
			case i < len(row)-1:
				row[i] = terminal.Left(cell, widths[i])
			}
		}
		if r > 0 {
			row[2] = paintState(style, h.Members[r-1].State, row[2])
		}
		line := strings.TrimRight(strings.Join(row, "  "), " ")
		if r == 0 {
			line = style.Dim(line)
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}

func paintState(style terminal.Style, state, text string) string {
	switch state {
	case "up":
		return style.Green(text)
	case "down", "failed":
		return style.Red(text)
	}
	return style.Yellow(text)
}

// page is the table on a screen of its own.
func (h *health) page(width, height int, style terminal.Style) string {
	head := style.Bold("rwsplit status") + "  " + h.At.Format(time.TimeOnly)
	if h.Primary == "" {
		head += "  " + style.Red("no primary can be used")
	}
	lines := append([]string{head, ""}, strings.Split(strings.TrimSuffix(h.table(style), "\n"), "\n")...)
	for i, m := range h.Members {
		// What the column has no room for.
		if m.Reason != "" && terminal.Width(lines[3+i]) > width {
			lines = append(lines, "")
			lines = append(lines, terminal.Wrap(m.Name+": "+terminal.Plain(m.Reason), width)...)
		}
	}
	for len(lines) < height-1 {
		lines = append(lines, "")
	}
	lines = append(lines[:max(0, height-1)], style.Dim(fmt.Sprintf("%s; Ctrl-C ends", human.Plural(uint64(len(h.Members)), "member"))))
	for i := range lines {
		lines[i] = terminal.Cut(lines[i], width)
	}
	return strings.Join(lines, "\n")
}
