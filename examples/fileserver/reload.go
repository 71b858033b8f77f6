package main

import (
	"context"
	"log/slog"
	"os"
)

// reloader reads again what can change while the server runs: keys,
// revocations, certificate. What cannot be read stays as it was, so that a
// slip in a file does not take a live service down.
type reloader struct {
	log     *slog.Logger
	metrics *metrics
	items   []reloadable
}

type reloadable struct {
	what, file string
	load       func() error
}

func (r *reloader) add(what, file string, load func() error) {
	r.items = append(r.items, reloadable{what, file, load})
}

// run reloads at every signal until ctx is over.
func (r *reloader) run(ctx context.Context, signals <-chan os.Signal) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-signals:
		}
		for _, item := range r.items {
			if err := item.load(); err != nil {
				r.metrics.reloads.add("failed", 1)
				r.log.Error("reload failed, the old ones stay in use", "what", item.what, "file", item.file, "error", err)
				continue
			}
			r.metrics.reloads.add("ok", 1)
			r.log.Info("reloaded", "what", item.what, "file", item.file)
		}
	}
}
