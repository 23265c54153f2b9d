package splitter

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rwsplit/rwsplit/driver"
	"github.com/rwsplit/rwsplit/driver/postgres"
	"github.com/rwsplit/rwsplit/internal/cluster"
)

// optionPrefix begins the DSN parameters that are ours.
const optionPrefix = driver.ParameterPrefix

// options are the DSN parameters, without their prefix.
var options = map[string]func(c *Config, value string) error{
	"replicas": func(c *Config, v string) error {
		c.Replicas = strings.Split(v, ",")
		return nil
	},
	"consistency": func(c *Config, v string) (err error) {
		if c.Consistency, err = cluster.ParseConsistency(v); err != nil {
			return errConsistency
		}
		return nil
	},
	"max_lag": durationOption(func(c *Config) *time.Duration { return &c.MaxLag }),
	"wait_budget": func(c *Config, v string) error {
		d, err := time.ParseDuration(v)
		if err != nil {
			return errDuration
		}
		c.WaitBudget = d
		if d == 0 {
			c.WaitBudget = NoWait
		}
		return nil
	},
	"fallback_limit": func(c *Config, v string) error {
		if v == "unlimited" {
			c.FallbackLimit = Unlimited
			return nil
		}
		return parseCount(&c.FallbackLimit, v, "a positive number or unlimited")
	},
	"fallback_overflow": func(c *Config, v string) (err error) {
		if c.FallbackOverflow, err = driver.ParseOverflow(v); err != nil {
			return errOverflow
		}
		return nil
	},
	"probe_interval":     durationOption(func(c *Config) *time.Duration { return &c.ProbeInterval }),
	"probe_timeout":      durationOption(func(c *Config) *time.Duration { return &c.ProbeTimeout }),
	"primary_wait":       durationOption(func(c *Config) *time.Duration { return &c.PrimaryWait }),
	"max_conns":          countOption(func(c *Config) *int { return &c.MaxConns }),
	"conn_max_lifetime":  durationOption(func(c *Config) *time.Duration { return &c.ConnMaxLifetime }),
	"conn_max_idle_time": durationOption(func(c *Config) *time.Duration { return &c.ConnMaxIdleTime }),
	"balance": func(c *Config, v string) (err error) {
		if c.Balance, err = cluster.ParsePolicy(v); err != nil {
			return errPolicy
		}
		return nil
	},
	"pooler": func(c *Config, v string) (err error) {
		if c.Pooler, err = postgres.ParsePooler(v); err != nil {
			return errPooler
		}
		return nil
	},
	"weights": func(c *Config, v string) (err error) {
		c.Weights, err = parseWeights(v)
		return err
	},
	"session_key": func(c *Config, v string) error {
		if v == "" {
			return errors.New("empty")
		}
		c.SessionKey = v
		return nil
	},
	"catalog_interval": durationOption(func(c *Config) *time.Duration { return &c.CatalogInterval }),
	"statement_cache":  countOption(func(c *Config) *int { return &c.StatementCache }),
}

// None of these repeats the value: see [Config.set].
var (
	errDuration    = errors.New(`not a duration such as "500ms" or "2s"`)
	errConsistency = errors.New("not session, strong, eventual or bounded_staleness: with a positive duration, as in bounded_staleness:2s")
	errOverflow    = errors.New("not wait, stale or error")
	errPooler      = errors.New("not auto, transaction or session")
	errPolicy      = errors.New("not power_of_two, round_robin, random, weighted, least_in_flight or sticky")
)

func durationOption(field func(*Config) *time.Duration) func(*Config, string) error {
	return func(c *Config, value string) error {
		d, err := time.ParseDuration(value)
		if err != nil {
			return errDuration
		}
		if d <= 0 {
			return errors.New(`not positive; give a duration such as "500ms" or "2s"`)
		}
		*field(c) = d
		return nil
	}
}

func countOption(field func(*Config) *int) func(*Config, string) error {
	return func(c *Config, value string) error {
		return parseCount(field(c), value, "a positive number")
	}
}

func parseCount(field *int, value, want string) error {
	n, err := strconv.Atoi(value)
	if err != nil || n <= 0 {
		return errors.New("not " + want)
	}
	*field = n
	return nil
}

// parseWeights reads "member=weight,member=weight".
func parseWeights(value string) (map[string]int, error) {
	weights := make(map[string]int)
	for n, part := range strings.Split(value, ",") {
		i := strings.LastIndexByte(part, '=')
		if i <= 0 {
			return nil, errors.New("not of the form member=weight,member=weight")
		}
		w, err := strconv.Atoi(part[i+1:])
		if err != nil || w < 0 {
			return nil, fmt.Errorf("weight number %d is not a number from 0", n+1)
		}
		if _, twice := weights[part[:i]]; twice {
			return nil, fmt.Errorf("the member of weight number %d is named twice", n+1)
		}
		weights[part[:i]] = w
	}
	return weights, nil
}

// set sets the field that a DSN parameter names. Values of ours hold no secrets,
// but one that was misplaced may: no error repeats it.
func (c *Config) set(parameter, value string) error {
	name := strings.TrimPrefix(parameter, optionPrefix)
	set, ok := options[name]
	if !ok {
		return fmt.Errorf("rwsplit: DSN: unknown parameter %s; there are %s", driver.ShownName(parameter, optionPrefix), optionNames())
	}
	if err := set(c, value); err != nil {
		return optionError(name, err)
	}
	return nil
}

func optionError(name string, err error) error {
	return fmt.Errorf("rwsplit: option %s%s: %w", optionPrefix, name, err)
}

func optionNames() string {
	var names []string
	for name := range options {
		names = append(names, optionPrefix+name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}
