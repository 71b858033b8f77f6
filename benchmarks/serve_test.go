//go:build unix

package benchmarks_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/signedurl/middleware"
	"example.com/signedurl/signedfs"
)

// BenchmarkServe serves files over loopback: with signedfs, with the
// middleware in front of http.FileServer, and with http.FileServer alone
// (plain), and so once more (control). It reports requests for each second of
// the server's CPU time, which unlike the time on the clock hardly depends on
// the client or on what else the machine does, and as signedfs/plain and so on
// how they compare: more than 1 is better than http.FileServer alone, and how
// far control/plain is from 1 shows what the numbers are worth.
//
// The servers run in a process of their own, so that nothing of the client is
// counted, on one core, so that no idle core's search for work is. One
// iteration is one batch of requests to each of them, in changing order; what
// is reported are medians. Run it with -benchtime 60x.
func BenchmarkServe(b *testing.B) {
	root := b.TempDir()
	ring := keyring(b, hmacKey(b, "2026a"))
	for _, file := range []struct {
		size  string
		bytes int
		dirs  int
		files int // of that size, to be asked for in turn
		batch int // requests
	}{
		{"1KiB", 1 << 10, 2, 16, 1000},
		{"1KiB", 1 << 10, 7, 16, 1000},
		{"64KiB", 64 << 10, 2, 16, 600},
		{"64KiB", 64 << 10, 7, 16, 600},
		{"1MiB", 1 << 20, 2, 4, 100},
		{"1MiB", 1 << 20, 7, 4, 100},
		{"64MiB", 64 << 20, 2, 1, 8},
	} {
		var names []string
		for i := range file.files {
			name := strings.Repeat("/directory", file.dirs) + fmt.Sprintf("/card-%s-%d.jpg", file.size, i)
			names = append(names, name)
		}
		b.Run(fmt.Sprintf("size=%s/dirs=%d", file.size, file.dirs), func(b *testing.B) {
			var plain, signed []string
			for _, name := range names {
				writeFile(b, filepath.Join(root, filepath.FromSlash(name)), file.bytes)
				plain = append(plain, name)
				signed = append(signed, sign(b, ring, name, soon))
			}
			servers := startServers(b, serveRoot, root, len(serverNames))
			targets := [][]string{signed, signed, plain, plain} // in the order of serverNames
			c := &client{size: file.bytes}
			// batch returns the CPU time in seconds of a batch of requests. It
			// has connections of its own: how well they go is decided by
			// their first packets, and lasts.
			batch := func(i int) float64 {
				c.connect(b, servers.addresses[i])
				defer c.close()
				c.fetch(b, targets[i], len(c.conns))
				before := servers.cpuTime(b)
				c.fetch(b, targets[i], file.batch)
				return (servers.cpuTime(b) - before).Seconds()
			}
			for i := range serverNames {
				batch(i) // warms up
			}
			rates := make([][]float64, len(serverNames))
			better := make([][]float64, len(serverNames))
			for turn := 0; b.Loop(); turn++ {
				cpu := make([]float64, len(serverNames))
				for k := range cpu {
					// Each is the first in its turn, and there is no other
					// that always comes before it: a server may leave garbage
					// to be collected in the time of the next.
					i := (turn + k*(1+turn%2*2)) % len(cpu)
					cpu[i] = batch(i)
				}
				base := cpu[len(cpu)-1]
				for i := range cpu {
					rates[i] = append(rates[i], float64(file.batch)/cpu[i])
					better[i] = append(better[i], base/cpu[i])
				}
			}
			b.ReportMetric(0, "ns/op") // of no meaning here
			for i, name := range serverNames {
				b.ReportMetric(median(rates[i]), name+"-req/cpu-s")
				if name != "plain" {
					b.ReportMetric(median(better[i]), name+"/plain")
				}
			}
		})
	}
}

func writeFile(b *testing.B, path string, size int) {
	if _, err := os.Stat(path); err == nil {
		return
	}
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, make([]byte, size), 0o644)); err != nil {
		b.Fatal(err)
	}
}

// serverNames are the servers in the order in which they tell their addresses.
var serverNames = []string{"signedfs", "middleware", "control", "plain"}

// serveRoot is the environment variable that makes the test binary serve the
// directory that it names.
const serveRoot = "SIGNEDURL_BENCHMARK_ROOT"

func TestMain(m *testing.M) {
	for variable, run := range map[string]func(root string) error{serveRoot: runServers, uploadRoot: runUploads} {
		if root := os.Getenv(variable); root != "" {
			if err := run(root); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			return
		}
	}
	os.Exit(m.Run())
}

// runServers serves root by each of the servers.
func runServers(root string) error {
	runtime.GOMAXPROCS(1)
	key, err := middleware.NewHMACKey("2026a", secret)
	if err != nil {
		return err
	}
	ring, err := middleware.NewKeyring(key)
	if err != nil {
		return err
	}
	dir, err := signedfs.OpenDir(root)
	if err != nil {
		return err
	}
	defer dir.Close()
	signed, err := signedfs.New("/", dir, ring, nil)
	if err != nil {
		return err
	}
	verifier, err := middleware.NewVerifier(ring, nil)
	if err != nil {
		return err
	}
	plain := http.FileServer(http.Dir(root))
	return run(signed, verifier.Handler(plain), plain, plain)
}

// run serves handlers on ports of the loopback interface and prints their
// addresses. For each line that it reads it prints the CPU time that the process
// has used, in nanoseconds, or the memory that it holds if the line is "memory".
// It ends with its standard input, and so with the process that started it.
func run(handlers ...http.Handler) error {
	for _, h := range handlers {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		go http.Serve(fixedBuffers{l}, h)
		fmt.Println(l.Addr())
	}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		if lines.Text() == "memory" {
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			fmt.Println(m.HeapAlloc + m.StackInuse)
			continue
		}
		var used syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
			return err
		}
		fmt.Println(used.Utime.Nano() + used.Stime.Nano())
	}
	return nil
}

// socketBuffer is the size of the sockets' buffers at both ends, as far as the
// system allows it. A reply that fits is sent on the server's CPU time as a
// whole; otherwise the kernel sends some of it when the client makes room, on
// the client's.
const socketBuffer = 4 << 20

// fixedBuffers is a listener whose connections have buffers of that size. They
// remain *net.TCPConn, which sendfile needs.
type fixedBuffers struct{ net.Listener }

func (l fixedBuffers) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err == nil {
		err = conn.(*net.TCPConn).SetWriteBuffer(socketBuffer)
	}
	return conn, err
}

// servers are the process that run runs in.
type servers struct {
	addresses []string
	ask       io.Writer
	answers   *bufio.Scanner
}

func startServers(b *testing.B, variable, root string, n int) *servers {
	binary, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(binary)
	cmd.Env = append(os.Environ(), variable+"="+root)
	cmd.Stderr = os.Stderr
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err := errors.Join(err1, err2, cmd.Start()); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		in.Close()
		cmd.Wait()
	})
	s := &servers{ask: in, answers: bufio.NewScanner(out)}
	for range n {
		s.addresses = append(s.addresses, s.line(b))
	}
	return s
}

func (s *servers) line(b *testing.B) string {
	if !s.answers.Scan() {
		b.Fatal("the process that serves has ended")
	}
	return s.answers.Text()
}

// cpuTime returns the CPU time that the servers' process has used so far.
func (s *servers) cpuTime(b *testing.B) time.Duration { return time.Duration(s.number(b, "")) }

// memory returns how many bytes the servers' process holds, in use, after a
// collection of its garbage.
func (s *servers) memory(b *testing.B) int64 { return s.number(b, "memory") }

func (s *servers) number(b *testing.B, question string) int64 {
	fmt.Fprintln(s.ask, question)
	n, err := strconv.ParseInt(s.line(b), 10, 64)
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// client asks one server at a time for files of one size, over a few
// connections that it keeps. It is no net/http client: it should take little
// of the machine that the server runs on as well, and not get in its way.
type client struct {
	conns [4]*net.TCPConn
	size  int
	buf   [256 << 10]byte
}

func (c *client) connect(b *testing.B, address string) {
	// The size of the buffer must be set before the connection is made, when
	// the two ends agree how much can be under way.
	dialer := net.Dialer{Control: func(_, _ string, conn syscall.RawConn) error {
		return setOption(conn, syscall.SO_RCVBUF, socketBuffer)
	}}
	for i := range c.conns {
		conn, err := dialer.Dial("tcp", address)
		if err != nil {
			b.Fatal(err)
		}
		c.conns[i] = conn.(*net.TCPConn)
		if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
			b.Fatal(err)
		}
	}
}

func (c *client) close() {
	for _, conn := range c.conns {
		conn.Close()
	}
}

// fetch makes n requests, one at a time on each connection.
func (c *client) fetch(b *testing.B, targets []string, n int) {
	for i := 0; i < n; i += len(c.conns) {
		for j, conn := range c.conns {
			request := "GET " + targets[(i+j)%len(targets)] + " HTTP/1.1\r\nHost: files.example.com\r\n\r\n"
			if err := errors.Join(c.await(conn, c.size), c.send(conn, request)); err != nil {
				b.Fatal(err)
			}
		}
		for _, conn := range c.conns {
			if err := c.discard(conn); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func (c *client) send(conn net.Conn, request string) error {
	_, err := io.WriteString(conn, request)
	return err
}

// await has the kernel wake the client when n bytes have come, or a buffer
// full, and not for every piece of them: a client that reads while the server
// sends waits for the same locks, now more, now less.
func (c *client) await(conn *net.TCPConn, n int) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	return setOption(raw, syscall.SO_RCVLOWAT, min(n, socketBuffer/2))
}

func setOption(conn syscall.RawConn, option, value int) error {
	var err error
	failed := conn.Control(func(fd uintptr) {
		err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, option, value)
	})
	return errors.Join(failed, err)
}

// discard reads one reply, which must be the whole file.
func (c *client) discard(conn *net.TCPConn) error {
	have, header := 0, -1
	for header < 0 {
		n, err := conn.Read(c.buf[have:])
		if err != nil {
			return err
		}
		have += n
		header = bytes.Index(c.buf[:have], []byte("\r\n\r\n"))
	}
	head := c.buf[:header+4]
	if !bytes.HasPrefix(head, []byte("HTTP/1.1 200 ")) || !bytes.Contains(head, fmt.Appendf(nil, "\r\nContent-Length: %d\r\n", c.size)) {
		return fmt.Errorf("not the file: %q", head)
	}
	for rest := len(head) + c.size - have; rest > 0; {
		if err := c.await(conn, rest); err != nil {
			return err
		}
		n, err := conn.Read(c.buf[:min(rest, len(c.buf))])
		if err != nil {
			return err
		}
		rest -= n
	}
	return nil
}
