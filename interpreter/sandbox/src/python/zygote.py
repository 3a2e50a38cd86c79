# The warm interpreter that programs are forked from, and the first half of what runs in the fork.
#
# One process a worker and role, started inside the namespaces and the Landlock domain that the launcher made. It takes
# one job at a time from its control socket, forks, and says how the fork ended. The fork limits itself, gives up its
# user and installs the seccomp filters before it reads a byte of the program.
#
# Roles: `candidate` runs programs and never sees a test; `driver` runs tests and never runs a program.

import array, atexit, builtins, ctypes, gc, json, linecache, os, pickle, random, resource, select, shutil, signal, socket
import struct, sys, threading, types

CONFIG = json.loads(sys.argv[1])
LIBC = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 1, 38, 22, 2
MAX_MESSAGE = 256 << 20


class FilterProgram(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_void_p)]


def install_filters(filters):
    """Seccomp. The filters hold a placeholder where a process may signal itself only."""
    own = os.getpid().to_bytes(4, "little")
    placeholder = CONFIG["pid_placeholder"].to_bytes(4, "little")
    if LIBC.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "no_new_privs is refused")
    for text in filters:
        code = bytes.fromhex(text).replace(placeholder, own)
        buffer = ctypes.create_string_buffer(code, len(code))
        program = FilterProgram(len(code) // 8, ctypes.addressof(buffer))
        if LIBC.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "the seccomp filter is refused")


def limit(kind, soft, hard=None):
    hard = soft if hard is None else hard
    ceiling = resource.getrlimit(kind)[1]
    if ceiling != resource.RLIM_INFINITY:
        soft, hard = min(soft, ceiling), min(hard, ceiling)
    resource.setrlimit(kind, (soft, hard))


def confine(job, becoming=False):
    """Limits, user, filters: after this nothing can be taken back."""
    os.setpgid(0, 0)
    for number in (signal.SIGXCPU, signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    limit(resource.RLIMIT_CORE, 0)
    limit(resource.RLIMIT_CPU, job["cpu"], job["cpu"] + 1)
    limit(resource.RLIMIT_AS, job["address_space"])
    limit(resource.RLIMIT_FSIZE, CONFIG["file_bytes"])
    limit(resource.RLIMIT_NOFILE, CONFIG["open_files"])
    if CONFIG["count_tasks"]:
        limit(resource.RLIMIT_NPROC, CONFIG["tasks"])
    if CONFIG["drop_to"]:
        os.setgroups([])
        os.setresgid(CONFIG["drop_to"], CONFIG["drop_to"], CONFIG["drop_to"])
        os.setresuid(CONFIG["drop_to"], CONFIG["drop_to"], CONFIG["drop_to"])
    elif os.geteuid() == 0:
        # A superuser whose interpreter nobody else can read keeps the name and loses the powers.
        header = struct.pack("Ii", 0x2008_0522, 0)
        if LIBC.capset(header, bytes(24)) != 0:
            raise OSError(ctypes.get_errno(), "capabilities are kept")
    os.chdir(CONFIG["work"])
    install_filters(CONFIG["becoming"] if becoming else CONFIG["filters"])


def can_drop(user):
    """Whether another user could read the interpreter's files."""
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setresgid(user, user, user)
            os.setresuid(user, user, user)
            open(os.__file__, "rb").close()
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitpid(pid, 0)[1] == 0


def read_all(fd):
    os.lseek(fd, 0, os.SEEK_SET)
    parts = []
    while part := os.read(fd, 1 << 20):
        parts.append(part)
    os.close(fd)
    return b"".join(parts)


class Link:
    """Frames over a socket: eight bytes of length, then the bytes."""

    def __init__(self, fd):
        self.fd, self.rest = fd, b""

    def send(self, data):
        data = memoryview(len(data).to_bytes(8, "little") + data)
        while data:
            data = data[os.write(self.fd, data):]

    def take(self, count):
        parts, have = [self.rest], len(self.rest)
        while have < count:
            part = os.read(self.fd, 1 << 16 if count - have < 1 << 16 else min(count - have, 1 << 22))
            if not part:
                raise EOFError
            parts.append(part)
            have += len(part)
        whole = b"".join(parts)
        self.rest = whole[count:]
        return whole[:count]

    def receive(self):
        length = int.from_bytes(self.take(8), "little")
        if length > MAX_MESSAGE:
            raise EOFError
        return self.take(length)


def describe(error):
    """What is said of an exception; strings are cut, since it may be the program's own class."""
    try:
        text = str(error)[:400]
    except BaseException:
        text = ""
    path = getattr(error, "filename", None)
    number = getattr(error, "errno", None)
    return {
        "type": type(error).__name__[:100],
        "text": text,
        "errno": number if type(number) is int else None,
        "path": path[:400] if type(path) is str else None,
    }


def clean(folder):
    """Empties the working folder; False when something in it cannot be removed."""
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        try:
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path)
            else:
                os.unlink(path)
        except OSError:
            return False
    return True


def zygote(child, prepare):
    # What whoever started this had open is nothing for programs that nobody trusts.
    os.closerange(3, 1 << 20)
    control = socket.socket(fileno=os.dup(0))
    null = os.open("/dev/null", os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    if CONFIG["new_pids"]:
        # The first fork after unshare(CLONE_NEWPID) is process 1 of the new namespace: with it all others end.
        inner = os.fork()
        if inner:
            control.close()
            _, status = os.waitpid(inner, 0)
            os._exit(os.waitstatus_to_exitcode(status) & 255)
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if CONFIG["drop_to"] and not can_drop(CONFIG["drop_to"]):
        CONFIG["drop_to"], CONFIG["count_tasks"] = 0, False
    control.send(json.dumps({"ready": True, "python": ".".join(map(str, sys.version_info[:3]))}).encode())
    while True:
        message, fds, _, _ = socket.recv_fds(control, 1 << 16, 8)
        if not message:
            os._exit(0)
        job = json.loads(message)
        if "kill" in job:  # of a fork that has ended meanwhile
            continue
        named = dict(zip(job["fds"], fds))
        try:
            extra = prepare(job, named)
        except BaseException as error:
            control.send(json.dumps({"refused": describe(error), "job": job["job"]}).encode())
            for fd in fds:
                os.close(fd)
            continue
        gc.collect(0)
        gc.freeze()
        pid = os.fork()
        if pid == 0:
            control.close()
            try:
                child(job, named, extra)
            finally:
                os._exit(70)
        for fd in fds:
            try:
                os.close(fd)
            except OSError:
                pass  # closed while the job was prepared
        pidfd = os.pidfd_open(pid)
        poll = select.poll()
        poll.register(control, select.POLLIN)
        poll.register(pidfd, select.POLLIN)
        ended = False
        while not ended:
            for fd, _ in poll.poll():
                if fd == pidfd:
                    ended = True
                    continue
                order = control.recv(1 << 16)
                if not order:
                    os.kill(pid, signal.SIGKILL)
                    os._exit(0)
                if json.loads(order).get("kill") == job["job"]:
                    os.kill(pid, signal.SIGKILL)
        os.close(pidfd)
        _, status, usage = os.wait4(pid, 0)
        control.send(json.dumps({
            "ended": job["job"],
            "code": os.waitstatus_to_exitcode(status),
            "cpu": usage.ru_utime + usage.ru_stime,
            "clean": clean(CONFIG["work"]) if CONFIG["writable"] else True,
        }).encode())
