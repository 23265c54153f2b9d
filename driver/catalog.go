package driver

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/rwsplit/rwsplit/internal/statement"
)

// catalog holds the functions that the database itself defines, as last read.
// Until then nothing is known of them, and who calls one goes to the primary.
type catalog struct {
	functions atomic.Pointer[statement.Catalog]
	wanted    chan struct{}
}

// catalogPause is the least time between two readings, however many statements
// meet a function that is not known.
const catalogPause = time.Second

// catalogPatience ends a reading whose server has gone silent.
const catalogPatience = 10 * time.Second

func newCatalog() catalog { return catalog{wanted: make(chan struct{}, 1)} }

func (c *catalog) known() *statement.Catalog { return c.functions.Load() }

// want asks for a new reading: a function was met that is not known.
func (c *catalog) want() {
	select {
	case c.wanted <- struct{}{}:
	default:
	}
}

// followCatalog reads the catalog from the primary, now and at each interval,
// until ctx is done. No statement waits for it.
func (db *DB) followCatalog(ctx context.Context) {
	ticker := time.NewTicker(db.config.CatalogInterval)
	defer ticker.Stop()
	for {
		if err := db.readCatalog(ctx); err == nil {
			select { // what was wanted before the reading has been had
			case <-db.catalog.wanted:
			default:
			}
		}
		pause := time.NewTimer(catalogPause)
		select {
		case <-ctx.Done():
		case <-pause.C:
		}
		pause.Stop()
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-db.catalog.wanted:
		}
	}
}

func (db *DB) readCatalog(ctx context.Context) error {
	lease, err := db.Cluster.Primary(ctx)
	if err != nil {
		return err
	}
	reading, cancel := context.WithTimeout(ctx, catalogPatience)
	defer cancel()
	functions, err := db.engine.Functions(reading, lease.Conn().Driver)
	lease.Release(err == nil)
	if err != nil {
		return err
	}
	db.catalog.functions.Store(db.engine.Dialect().NewCatalog(functions))
	return nil
}
