package main

import (
	"fmt"
	"net"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/coreos/go-systemd/v22/daemon"

	"example.com/signedurl/examples/internal/server"
)

// underSystemd makes a server take the sockets that systemd has opened for it,
// whose FileDescriptorName is that of the flag, and tell systemd how it is
// (sd_listen_fds(3), sd_notify(3)). Elsewhere it does nothing.
func underSystemd(h *server.Hooks) error {
	sockets, err := activation.ListenersWithNames()
	if err != nil {
		return fmt.Errorf("cannot take the sockets of systemd: %w", err)
	}
	for name, listeners := range sockets {
		if name != "addr" && name != "metrics" && name != "api-addr" || len(listeners) != 1 {
			return fmt.Errorf("systemd gives %d sockets of the name %q; the names are addr, metrics and api-addr, for one each", len(listeners), name)
		}
	}
	h.Socket = func(flag string) (net.Listener, error) {
		if listeners := sockets[flag]; len(listeners) == 1 {
			return listeners[0], nil
		}
		return nil, nil
	}
	h.Notify = func(state string) {
		if state == "RELOADING=1" {
			state = daemon.SdNotifyReloading + "\n" + daemon.SdNotifyMonotonicUsec()
		}
		_, _ = daemon.SdNotify(false, state) // without systemd there is nobody to tell
	}
	return nil
}
