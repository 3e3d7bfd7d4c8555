"""Runs a command on a terminal of its own. Told what to do by JSON lines on standard input; gives what the terminal shows on standard output."""

import fcntl
import json
import os
import pty
import selectors
import signal
import struct
import sys
import termios

command = json.loads(sys.argv[1])
columns = int(sys.argv[2])


def resize(rows, columns):
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


master, terminal = pty.openpty()
resize(24, columns)
child = os.fork()
if child == 0:
    os.login_tty(terminal) if hasattr(os, "login_tty") else (
        os.setsid(),
        fcntl.ioctl(terminal, termios.TIOCSCTTY, 0),
        [os.dup2(terminal, fd) for fd in (0, 1, 2)],
    )
    os.execvp(command[0], command)
os.close(terminal)

ready = selectors.DefaultSelector()
ready.register(master, selectors.EVENT_READ)
ready.register(0, selectors.EVENT_READ)
pending = b""
while True:
    over = False
    for key, _ in ready.select():
        try:
            chunk = os.read(key.fd, 65536)
        except OSError:
            # Linux: the last process has left the terminal.
            chunk = b""
        if chunk == b"":
            over = True
        elif key.fd == master:
            os.write(1, chunk)
        else:
            *lines, pending = (pending + chunk).split(b"\n")
            for line in lines:
                told = json.loads(line)
                if "keys" in told:
                    os.write(master, told["keys"].encode())
                if "columns" in told:
                    resize(24, told["columns"])
    if over:
        break
os.close(master)
# Whoever asked has gone: so does the command.
try:
    _, status = os.waitpid(child, 0)
except KeyboardInterrupt:
    os.kill(child, signal.SIGKILL)
    raise
sys.exit(os.waitstatus_to_exitcode(status) % 256)
