package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// part is a process of the cluster.
type part struct {
	name string
	args []string
	env  []string
	dir  string
	log  string
	addr string

	cmd  *exec.Cmd
	done chan struct{}
}

func (p *part) start() error {
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	p.cmd = exec.Command(p.args[0], p.args[1:]...)
	p.cmd.Env = append(os.Environ(), p.env...)
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = p.dir, log, log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	done := make(chan struct{})
	p.done = done
	go func(cmd *exec.Cmd) { _ = cmd.Wait(); close(done) }(p.cmd) // how it ended is in its log
	return nil
}

// end ends the process by a signal, and waits for it.
func (p *part) end(s os.Signal) {
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Signal(s) // it may have ended
	<-p.done
}

// ready waits until check succeeds.
func (p *part) ready(check func() error) error {
	var err error
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if err = check(); err == nil {
			return nil
		}
		select {
		case <-p.done:
			text, _ := os.ReadFile(p.log)
			return fmt.Errorf("%s ended:\n%s", p.name, bytes.TrimSpace(text[max(0, len(text)-2000):]))
		default:
		}
	}
	return fmt.Errorf("%s: %w", p.name, err)
}

// listens waits until somebody listens at the address.
func (p *part) listens() error {
	return p.ready(func() error {
		c, err := net.Dial("tcp", p.addr)
		if err == nil {
			c.Close()
		}
		return err
	})
}

// reached waits until an HTTP check says 200.
func (p *part) reached(path string) error {
	return p.ready(func() error {
		reply, err := http.Get("http://" + p.addr + path)
		if err != nil {
			return err
		}
		reply.Body.Close()
		if reply.StatusCode != http.StatusOK {
			return errors.New(reply.Status)
		}
		return nil
	})
}

// cluster is everything that is started.
type cluster struct {
	dir      string
	bin      string
	redis    []*part // three masters, and then a replica of each
	s3       *part
	gateways []*part
	front    *part
	client   *redis.ClusterClient
}

func freeAddr() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer ln.Close()
	return ln.Addr().String(), nil
}

func (c *cluster) part(name string, args func(addr, port string) []string, env ...string) (*part, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(addr)
	dir := filepath.Join(c.dir, name)
	return &part{name: name, args: args(addr, port), env: env, dir: dir, log: filepath.Join(c.dir, name+".log"), addr: addr}, os.MkdirAll(dir, 0o700)
}

// build builds the gateway and the S3 server.
func (c *cluster) build() error {
	gateway := exec.Command("go", "build", "-o", filepath.Join(c.bin, "gateway"), ".")
	gateway.Dir = "../../examples/gateway"
	s3 := exec.Command("go", "install", "github.com/versity/versitygw/cmd/versitygw@v1.8.0")
	s3.Env = append(os.Environ(), "GOBIN="+c.bin)
	s3.Dir = c.dir
	for _, cmd := range []*exec.Cmd{gateway, s3} {
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%v: %w\n%s", cmd.Args, err, out)
		}
	}
	return nil
}

func (c *cluster) startRedis(ctx context.Context) error {
	var addrs []string
	for i := range 6 {
		p, err := c.part(fmt.Sprintf("redis-%d", i), func(_, port string) []string {
			bus, _ := freeAddr()
			_, busPort, _ := net.SplitHostPort(bus)
			return []string{"redis-server", "--port", port, "--bind", "127.0.0.1", "--cluster-enabled", "yes", "--cluster-port", busPort,
				"--cluster-node-timeout", "2000", "--maxmemory-policy", "noeviction", "--appendonly", "yes", "--save", ""}
		})
		if err != nil {
			return err
		}
		if err := errors.Join(p.start(), p.listens()); err != nil {
			return err
		}
		c.redis = append(c.redis, p)
		addrs = append(addrs, p.addr)
	}
	create := append([]string{"--cluster", "create"}, append(addrs, "--cluster-replicas", "1", "--cluster-yes")...)
	if out, err := exec.CommandContext(ctx, "redis-cli", create...).CombinedOutput(); err != nil {
		return fmt.Errorf("redis-cli --cluster create: %w\n%s", err, out)
	}
	c.client = redis.NewClusterClient(&redis.ClusterOptions{
		Addrs: addrs, ContextTimeoutEnabled: true, ClusterStateReloadInterval: time.Second, DialTimeout: time.Second, DialerRetries: 1,
	})
	return c.redis[0].ready(func() error {
		for _, p := range c.redis {
			one := redis.NewClient(&redis.Options{Addr: p.addr})
			info, err := one.ClusterInfo(ctx).Result()
			replication, err2 := one.Info(ctx, "replication").Result()
			one.Close()
			if err := errors.Join(err, err2); err != nil {
				return err
			}
			if !strings.Contains(info, "cluster_state:ok") || !strings.Contains(replication, "connected_slaves:1") && !strings.Contains(replication, "master_link_status:up") {
				return fmt.Errorf("the cluster is not complete yet")
			}
		}
		return nil
	})
}

func (c *cluster) startS3() (err error) {
	c.s3, err = c.part("s3", func(addr, _ string) []string {
		return []string{filepath.Join(c.bin, "versitygw"), "--port", addr, "posix", filepath.Join(c.dir, "buckets")}
	}, "ROOT_ACCESS_KEY=id", "ROOT_SECRET_KEY=secretsecret")
	return errors.Join(err, os.MkdirAll(filepath.Join(c.dir, "buckets/files"), 0o700), c.s3.start(), c.s3.listens())
}

// startGateways starts three gateways, each with a key file of its own.
func (c *cluster) startGateways(keys string) error {
	for _, name := range []string{"a", "b", "c"} {
		file := filepath.Join(c.dir, "keys-"+name)
		if err := os.WriteFile(file, []byte(keys), 0o600); err != nil {
			return err
		}
		p, err := c.part("gateway-"+name, func(addr, _ string) []string {
			return []string{filepath.Join(c.bin, "gateway"), "serve", "-addr", addr, "-key-file", file, "-uploads", "-upload-slots", "256", "-drain", "3s",
				"-trusted-proxy", "127.0.0.1", "-max-stale", maxStale.String(), "-access-log=false",
				"-files", "s3://files?region=us-east-1&use_path_style=true&endpoint=http://" + c.s3.addr}
		},
			"SIGNEDURL_USES=redis-cluster://"+c.redis[0].addr+"?addr="+c.redis[1].addr+"&addr="+c.redis[2].addr,
			"SIGNEDURL_REVOCATIONS=redis-cluster://"+c.redis[0].addr+"?addr="+c.redis[1].addr+"&addr="+c.redis[2].addr,
			"AWS_ACCESS_KEY_ID=id", "AWS_SECRET_ACCESS_KEY=secretsecret")
		if err != nil {
			return err
		}
		c.gateways = append(c.gateways, p)
		if err := errors.Join(p.start(), p.reached("/readyz")); err != nil {
			return err
		}
	}
	return nil
}

// startFront starts HAProxy with the configuration that is delivered.
func (c *cluster) startFront() (err error) {
	text, err := os.ReadFile("../../examples/gateway/deploy/haproxy.cfg")
	if err != nil {
		return err
	}
	file := filepath.Join(c.dir, "haproxy.cfg")
	c.front, err = c.part("haproxy", func(addr, _ string) []string {
		replace := []string{"bind :80", "bind " + addr, "log /dev/log local0", "log stdout format raw local0", "    log global\n", ""}
		for i, at := range []string{"10.0.0.11:8080", "10.0.0.12:8080", "10.0.0.13:8080"} {
			replace = append(replace, at, c.gateways[i].addr)
		}
		text = []byte(strings.NewReplacer(replace...).Replace(string(text)))
		return []string{"haproxy", "-db", "-f", file}
	})
	return errors.Join(err, os.WriteFile(file, text, 0o600), c.front.start(), c.front.listens())
}

// stop ends everything.
func (c *cluster) stop() {
	if c.client != nil {
		c.client.Close()
	}
	for _, p := range append(append([]*part{c.front}, c.gateways...), append([]*part{c.s3}, c.redis...)...) {
		if p != nil {
			p.end(syscall.SIGKILL)
		}
	}
}
