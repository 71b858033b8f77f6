package server

import (
	"context"
	"log/slog"
	"os"
)

// reloader reloads what can change while the server runs: keys, revocations,
// certificate, directory. What cannot be loaded stays as it was, so that a slip
// in a file does not take down a live service.
type reloader struct {
	log     *slog.Logger
	metrics *metrics
	items   []reloadable
}

type reloadable struct {
	what, file string
	load       func() error
}

// run reloads at every signal until ctx is done, and tells notify when it begins
// and when it is done.
func (r *reloader) run(ctx context.Context, signals <-chan os.Signal, notify func(state string)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-signals:
		}
		notify("RELOADING=1")
		for _, item := range r.items {
			if err := item.load(); err != nil {
				r.metrics.reloads.add("failed", 1)
				r.log.Error("reload failed, the old state stays in use", "what", item.what, "file", item.file, "error", err)
				continue
			}
			r.metrics.reloads.add("ok", 1)
			r.log.Info("reloaded", "what", item.what, "file", item.file)
		}
		notify("READY=1")
	}
}
