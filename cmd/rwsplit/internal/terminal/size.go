//go:build linux || darwin || freebsd

package terminal

import (
	"os"
	"syscall"
	"unsafe"
)

// size asks the terminal, and is how one is told from another character device
// such as /dev/null.
func size(f *os.File) (width, height int, ok bool) {
	var w struct{ lines, columns, x, y uint16 }
	conn, err := f.SyscallConn()
	if err != nil {
		return 0, 0, false
	}
	err = conn.Control(func(fd uintptr) {
		_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, fd, syscall.TIOCGWINSZ, uintptr(unsafe.Pointer(&w)))
		ok = errno == 0
	})
	return int(w.columns), int(w.lines), ok && err == nil
}
