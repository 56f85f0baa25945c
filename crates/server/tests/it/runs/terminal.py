"""Runs a program on a terminal of its own, as a person would, and says what came of it, as JSON.

Arguments: steps as JSON, then the program and its arguments. Steps are ["expect", TEXT], ["send", TEXT], ["resize", ROWS,
COLUMNS], ["ask", SENT, TEXT], which sends until TEXT comes, and ["signal", NUMBER].
"""

import fcntl, json, os, select, struct, sys, termios, time

steps, command = json.loads(sys.argv[1]), sys.argv[2:]
PATIENCE = 90
# A terminal is as large as it is, and as it was, before anything runs on it.
master, slave = os.openpty()
fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
before = termios.tcgetattr(master)
pid = os.fork()
if pid == 0:
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for stream in (0, 1, 2):
        os.dup2(slave, stream)
    os.execvp(command[0], command)
os.close(slave)
out = ""
seen = 0


def read(wait):
    global out
    ready, _, _ = select.select([master], [], [], wait)
    if ready:
        try:
            data = os.read(master, 65536)
        except OSError:
            return False
        out += data.decode(errors="replace")
        return bool(data)
    return True


def expect(text, patience=PATIENCE):
    global seen
    deadline = time.monotonic() + patience
    while text not in out[seen:]:
        if time.monotonic() > deadline or not read(0.1):
            return False
    seen = out.index(text, seen) + len(text)
    return True


failed = None
for step in steps:
    kind = step[0]
    if kind == "expect" and not expect(step[1]):
        failed = step
    elif kind == "send":
        os.write(master, step[1].encode())
    elif kind == "ask":
        deadline = time.monotonic() + PATIENCE
        while True:
            os.write(master, step[1].encode())
            if expect(step[2], 0.5):
                break
            if time.monotonic() > deadline:
                failed = step
                break
    elif kind == "resize":
        fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", step[1], step[2], 0, 0))
    elif kind == "signal":
        os.kill(pid, step[1])
    if failed:
        os.kill(pid, 9)
        break
deadline = time.monotonic() + PATIENCE
code = None
# The terminal is looked at while the other side of it is still open: by nobody, once the program has ended.
while code is None and time.monotonic() < deadline:
    read(0.05)
    done, status = os.waitpid(pid, os.WNOHANG)
    if done:
        code = os.waitstatus_to_exitcode(status)
while code is not None and read(0.2) and select.select([master], [], [], 0)[0]:
    pass
restored = termios.tcgetattr(master) == before
print(json.dumps({"code": code, "out": out, "restored": restored, "failed": failed}))
