package serve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"

	"lethe/app/config"
)

// listen opens the address of a setting. Its errors say what to do.
func listen(ctx context.Context, addr, key string) (net.Listener, error) {
	socket, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("address %s is taken by another program: stop that one, or choose another address with %s, such as %[2]s=127.0.0.1:8081", addr, config.EnvOf(key))
	case err != nil:
		return nil, fmt.Errorf("cannot listen on %s: %w: choose another address with %s", addr, err, config.EnvOf(key))
	}
	return socket, nil
}

// MayListen fails where one of the addresses is taken. It is asked before
// anything is fetched or started; the door is opened when there is something
// behind it, and nobody waits in front of it until then.
func MayListen(ctx context.Context, cfg *config.Config) error {
	for key, addr := range map[string]string{"http.addr": cfg.HTTPAddr, "http.profile_addr": cfg.ProfileAddr} {
		if addr == "" {
			continue
		}
		socket, err := listen(ctx, addr, key)
		if err != nil {
			return err
		}
		_ = socket.Close()
	}
	return nil
}
