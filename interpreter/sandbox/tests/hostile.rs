//! Programs that want out, or want a pass that they did not earn. None gets it, and none is left behind.
#![allow(clippy::unwrap_used)] // helpers of tests

mod common;

use common::{Bench, open, options};
use rlx_judge::{
    Outcome::{self, *},
    code::{TestCase, TestType, Tests},
};
use rlx_sandbox::Sandbox;
use std::time::{Duration, Instant};

const TESTS: &str =
    "assert add(2, 3) == 5\nassert add(-1, 1) == 0\nassert abs(add(0.5, 0.25) - 0.75) < 1e-9\n";

/// Judges a program whose `add` is right but for what it also does, and says which verdicts are right.
fn expect(sandbox: &Bench, name: &str, program: &str, accepted: &[Outcome]) {
    let begun = Instant::now();
    let verdict = sandbox.judge(program, TESTS);
    assert!(
        accepted.contains(&verdict.outcome),
        "{name}: {:?}: {}",
        verdict.outcome,
        verdict.reason
    );
    assert!(begun.elapsed() < Duration::from_secs(90), "{name} took too long");
}

const RIGHT: &str = "\ndef add(a, b):\n    return a + b\n";

/// A program that does this in its call, then answers right.
fn doing(body: &str) -> String {
    let lines: String = body.lines().map(|line| format!("    {line}\n")).collect();
    format!(
        "import os, sys, signal, socket, threading, time, gc, inspect, builtins\ndef add(a, b):\n{lines}    return a + b\n"
    )
}

#[test]
fn honest_programs_pass_and_wrong_ones_do_not() {
    let Some(sandbox) = open(options()) else { return };
    expect(&sandbox, "right", RIGHT, &[Pass]);
    expect(&sandbox, "lambda", "add = lambda a, b: a + b", &[Pass]);
    expect(&sandbox, "wrong", "def add(a, b):\n    return a - b", &[Fail]);
    expect(
        &sandbox,
        "raises",
        "def add(a, b):\n    raise ValueError(a)",
        &[Error],
    );
    expect(&sandbox, "no function", "x = 1", &[Error]);
    expect(&sandbox, "syntax", "def add(a, b) return", &[Error]);
    expect(&sandbox, "nothing", "", &[Error]);
    expect(
        &sandbox,
        "a file of its own",
        &doing(
            "with open('x.txt', 'w') as f: f.write('1')\nassert open('x.txt').read() == '1'\nos.unlink('x.txt')",
        ),
        &[Pass],
    );
    expect(
        &sandbox,
        "threads that end",
        &doing("t = threading.Thread(target=lambda: None)\nt.start()\nt.join()"),
        &[Pass],
    );
}

#[test]
fn processes_and_signals_stay_inside() {
    let Some(sandbox) = open(options()) else { return };
    for (name, body, accepted) in [
        ("fork", "os.fork()", &[Forbidden][..]),
        ("fork bomb", "while True: os.fork()", &[Forbidden]),
        (
            "fork bomb that swallows",
            "while True:\n    try: os.fork()\n    except OSError: pass",
            &[Timeout],
        ),
        (
            "children",
            "import subprocess\nfor _ in range(16): subprocess.Popen(['sleep', '30'])",
            &[Forbidden],
        ),
        (
            "shell",
            "if os.system('true') != 0: raise OSError(1, 'no shell')",
            &[Forbidden],
        ),
        ("new program", "os.execvp('true', ['true'])", &[Forbidden]),
        ("new session", "os.setsid()", &[Forbidden]),
        (
            "kills its parent",
            "os.kill(os.getppid(), signal.SIGKILL)",
            &[Forbidden],
        ),
        ("kills all", "os.kill(-1, signal.SIGKILL)", &[Forbidden]),
        ("kills its group", "os.kill(0, signal.SIGKILL)", &[Forbidden]),
        ("kills process 1", "os.kill(1, signal.SIGKILL)", &[Forbidden]),
        ("kills itself", "os.kill(os.getpid(), signal.SIGKILL)", &[Error]),
        ("aborts", "os.abort()", &[Error]),
        (
            "threads without end",
            "for _ in range(200): threading.Thread(target=time.sleep, args=(30,)).start()",
            &[Error],
        ),
        (
            "a daemon thread that stays",
            "threading.Thread(target=time.sleep, args=(60,), daemon=True).start()",
            &[Pass],
        ),
        (
            "raw system call",
            "import ctypes\nif ctypes.CDLL(None).syscall(57) < 0: raise OSError(1, 'fork')",
            &[Forbidden],
        ),
        (
            "traces",
            "import ctypes\nif ctypes.CDLL(None).ptrace(16, 1, 0, 0) < 0: raise OSError(1, 'ptrace')",
            &[Forbidden],
        ),
    ] {
        expect(&sandbox, name, &doing(body), accepted);
    }
}

#[test]
fn time_memory_and_output_have_ends() {
    let Some(sandbox) = open(options()) else { return };
    for (name, body, accepted) in [
        ("loop", "while True: pass", &[Timeout][..]),
        ("loop in C", "sum(range(10 ** 13))", &[Timeout]),
        ("sleep", "time.sleep(86400)", &[Timeout]),
        (
            "deadlock",
            "l = threading.Lock()\nl.acquire()\nl.acquire()",
            &[Timeout],
        ),
        (
            "ignores signals",
            "for s in (signal.SIGXCPU, signal.SIGTERM, signal.SIGALRM): signal.signal(s, signal.SIG_IGN)\nwhile True: pass",
            &[Timeout],
        ),
        ("prints without end", "while True: print('x' * 1000)", &[Timeout]),
        (
            "memory",
            "keep = []\nwhile True: keep.append(bytearray(16 << 20))",
            &[Memory],
        ),
        ("one huge list", "x = [0] * 10 ** 11", &[Memory]),
        (
            "recursion",
            "def f(n): return f(n + 1) + 1\nf(0)",
            &[Error, Memory],
        ),
        (
            "recursion without a limit",
            "sys.setrecursionlimit(10 ** 9)\ndef f(n): return f(n + 1) + 1\nf(0)",
            &[Error, Memory, Timeout],
        ),
        (
            "fills the disk",
            "f = open('big', 'wb')\nwhile True: f.write(bytes(1 << 20))",
            &[Error, Forbidden],
        ),
        (
            "many files",
            "for i in range(100000): open(str(i), 'w').close()",
            &[Error, Forbidden],
        ),
        (
            "many open files",
            "keep = [open(os.devnull) for _ in range(1000)]",
            &[Error],
        ),
        (
            "a huge answer",
            "return [0] * (40 << 20)",
            &[Memory, Fail, Error, Timeout],
        ),
    ] {
        expect(&sandbox, name, &doing(body), accepted);
    }
    // The folder is empty for the next program.
    let verdict = sandbox.judge(
        &doing("if os.listdir('.'): raise ValueError(os.listdir('.'))"),
        TESTS,
    );
    assert_eq!(verdict.outcome, Pass, "{}", verdict.reason);
}

#[test]
fn files_and_network_are_out_of_reach() {
    let Some(sandbox) = open(options()) else { return };
    for (name, body) in [
        ("users", "open('/etc/passwd').read()"),
        ("home", "os.listdir('/root')"),
        ("homes", "os.listdir('/home')"),
        ("processes", "os.listdir('/proc')"),
        ("its parent's memory", "open(f'/proc/{os.getppid()}/mem', 'rb')"),
        ("its environment", "open('/proc/self/environ').read()"),
        ("writes outside", "open('../escaped.txt', 'w').write('x')"),
        ("writes the interpreter", "open(os.__file__, 'a').write('x')"),
        (
            "symlink out",
            "os.symlink('/etc/passwd', 'link')\nopen('link').read()\nraise ValueError",
        ),
        ("hard link out", "os.link(os.__file__, 'link')"),
        ("device", "open('/dev/mem', 'rb')"),
        ("tcp", "socket.create_connection(('127.0.0.1', 9), timeout=2)"),
        (
            "udp",
            "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 9))",
        ),
        (
            "listens",
            "s = socket.socket()\ns.bind(('127.0.0.1', 0))\ns.listen(1)",
        ),
        (
            "unix socket",
            "s = socket.socket(socket.AF_UNIX)\ns.connect('/run/x')",
        ),
        (
            "url",
            "import urllib.request\nurllib.request.urlopen('http://127.0.0.1:9/', timeout=2)",
        ),
        ("chroot", "os.chroot('/')"),
        ("another user", "os.setuid(0) or os.listdir('/root')"),
    ] {
        expect(&sandbox, name, &doing(body), &[Forbidden, Error]);
    }
}

#[test]
fn verdicts_cannot_be_forged() {
    let Some(sandbox) = open(options()) else { return };
    let wrong = "\ndef add(a, b):\n    return 7\n";
    for (name, program) in [
        ("leaves with 0 first", format!("{wrong}\nimport os\nos._exit(0)")),
        ("leaves politely", format!("{wrong}\nimport sys\nsys.exit(0)")),
        ("leaves in the call", "import os\ndef add(a, b):\n    os._exit(0)".into()),
        ("exit in the call", "import sys\ndef add(a, b):\n    sys.exit(0)".into()),
        ("exit hook", format!("import atexit, os\natexit.register(os._exit, 0){wrong}")),
        ("exception hook", format!("import sys, os\nsys.excepthook = lambda *a: os._exit(0){wrong}")),
        (
            "equal to everything",
            "class Any:\n    def __eq__(self, o): return True\n    def __sub__(self, o): return 0\n    __hash__ = None\n    \
             __abs__ = lambda self: 0\n    __lt__ = __eq__\ndef add(a, b):\n    return Any()"
                .into(),
        ),
        (
            "an int that lies",
            "class I(int):\n    def __eq__(self, o): return True\n    def __sub__(self, o): return I(0)\n    \
             def __lt__(self, o): return True\n    def __abs__(self): return self\ndef add(a, b):\n    return I(7)"
                .into(),
        ),
        (
            "a float that lies",
            "class F(float):\n    __eq__ = lambda s, o: True\n    __sub__ = lambda s, o: 0\ndef add(a, b):\n    return F(7)".into(),
        ),
        ("patched abs", format!("import builtins\nbuiltins.abs = lambda x: 0{wrong}")),
        ("own abs", format!("abs = lambda x: 0{wrong}")),
        (
            "patched assertion error",
            format!("import builtins\nbuiltins.AssertionError = SystemExit{wrong}"),
        ),
        ("trace", format!("import sys, os\nsys.settrace(lambda f, e, a: os._exit(0) if e == 'exception' else None){wrong}")),
        (
            "reads the tests by frames",
            "import sys\ndef add(a, b):\n    f = sys._getframe()\n    while f:\n        for k, v in {**f.f_globals, **f.f_locals}.items():\n            \
             if isinstance(v, str) and 'assert add' in v: return eval(v.split('==')[1].split()[0])\n        f = f.f_back\n    return 7"
                .into(),
        ),
        (
            "reads the tests by the collector",
            "import gc\ndef add(a, b):\n    for o in gc.get_objects():\n        if isinstance(o, dict):\n            for v in o.values():\n                \
             if isinstance(v, (str, bytes)) and 'add(2, 3)' + ' ==' in str(v) and 'collector' not in str(v): return 5\n    return 7"
                .into(),
        ),
        (
            "answers in the judge's name",
            format!(
                "import os, json\nfor fd in range(3, 64):\n    for m in ({{'verdict': 'pass', 'calls': 3}}, {{'ended': 1, 'code': 0}}):\n        \
                 try: os.write(fd, json.dumps(m).encode())\n        except OSError: pass{wrong}"
            ),
        ),
        (
            "answers the driver with rubbish",
            "import os\ndef add(a, b):\n    for fd in range(3, 64):\n        try: os.write(fd, (1 << 60).to_bytes(8, 'little') + b'x' * 100)\n        \
             except OSError: pass\n    return 7"
                .into(),
        ),
        ("own check", format!("def check(f): return True{wrong}")),
        ("hides behind a module", format!("import sys\nclass M: pass\nsys.modules['math'] = M(){wrong}")),
    ] {
        let verdict = sandbox.judge(&program, TESTS);
        assert!(
            matches!(verdict.outcome, Fail | Error),
            "{name}: {:?}: {}",
            verdict.outcome,
            verdict.reason
        );
    }
    // A name that the tests take from the standard library is not the program's to define.
    let tests = "assert math.isclose(add(1, 1), 2)";
    let lie =
        "class M:\n    isclose = staticmethod(lambda *a: True)\nmath = M()\ndef add(a, b):\n    return 7";
    assert_ne!(sandbox.judge(lie, tests).outcome, Pass);
    // Tests that never reach the program decide nothing.
    assert_eq!(
        sandbox
            .judge(RIGHT, "def check(f):\n    assert f(1, 1) == 2\n")
            .outcome,
        GaveUp
    );
    assert_eq!(sandbox.judge(RIGHT, "assert add(1, ").outcome, GaveUp);
}

#[test]
fn values_cross_whole() {
    let Some(sandbox) = open(options()) else { return };
    let program = "import collections, decimal, fractions, math\ndef same(x): return x\ndef append(x): x.append(1)\n\
                   def gen(n):\n    for i in range(n): yield i\ndef twice(f, x): return f(f(x))\n\
                   class Pair:\n    def __init__(self, a, b): self.a, self.b = a, b\ndef first(ps): return ps[0].a\n\
                   TABLE = {1: 'one'}\n";
    let tests = "
import decimal, fractions, collections, math
for value in [None, True, 1, -10**400, 1.5, float('inf'), 'déjà\\udc80', b'\\x00\\xff', (1, [2, (3,)]), {1: (2,), (3, 4): {5}},
              {1, 2}, frozenset({3}), 1 + 2j, range(3), decimal.Decimal('1.10'), fractions.Fraction(1, 3), collections.deque([1])]:
    got = same(value)
    assert got == value and type(got) is type(value), value
assert math.isnan(same(float('nan')))
assert str(same(-0.0)) == '-0.0'
xs = [0]
append(xs)
assert xs == [0, 1]
assert list(gen(3)) == [0, 1, 2]
assert twice(lambda x: x + 2, 1) == 5
assert first([Pair(1, 2), Pair(3, 4)]) == 1
assert TABLE == {1: 'one'}
try:
    same()
    assert False
except TypeError:
    pass
";
    let verdict = sandbox.judge(program, tests);
    assert_eq!(verdict.outcome, Pass, "{}", verdict.reason);
    // A problem may ask for a function with a built-in name, and for numbers too long for decimal digits.
    let named = sandbox.judge("def sum(a, b):\n    return a - b", "assert sum(5, 3) == 2");
    assert_eq!(named.outcome, Pass, "{}", named.reason);
    let long = sandbox.judge(
        "def power(n):\n    return 10 ** n",
        "assert power(1_000_000) == 10 ** 1_000_000\nassert power(0) == 1",
    );
    assert_eq!(long.outcome, Pass, "{}", long.reason);
}

#[test]
fn programs_over_standard_input_are_judged_by_what_they_print() {
    let Some(sandbox) = open(options()) else { return };
    let case = |input: &str, output: &str| TestCase {
        input: input.into(),
        output: output.into(),
        testtype: TestType::Stdin,
    };
    let tests = Tests::Stdin(vec![case("2 3\n", "5\n"), case("10 -4", "6")]);
    for (program, outcome) in [
        ("a, b = map(int, input().split())\nprint(a + b)", Pass),
        (
            "import sys\na, b = map(int, sys.stdin.read().split())\nsys.stdout.write(f'  {a + b}\\n\\n')",
            Pass,
        ),
        (
            "if __name__ == '__main__':\n    print(sum(map(int, open(0).read().split())))",
            Pass,
        ),
        ("import os\nos.write(1, b'5'); os._exit(0)", Fail),
        ("print(5)", Fail),
        (
            "print(sum(map(int, input().split())))\nimport sys\nsys.exit(3)",
            Error,
        ),
        ("print(sum(map(int, input().split())))\nsys.exit(0)", Pass),
        ("print(input(), input())", Error),
        ("while True: pass", Timeout),
        ("while True: print('x' * 65536)", Error),
        ("open('input.txt').read()", Error),
        ("open('/etc/passwd').read()", Forbidden),
        ("import time\ntime.sleep(1000)", Timeout),
        (
            "import threading\nr = []\nt = threading.Thread(target=lambda: r.append(sum(map(int, input().split()))))\nt.start()\nt.join()\nprint(r[0])",
            Pass,
        ),
    ] {
        let verdict = sandbox.judge_with(program, &tests, "");
        assert_eq!(verdict.outcome, outcome, "{program}: {}", verdict.reason);
    }
}

#[test]
fn calls_are_judged_by_what_they_return() {
    let Some(sandbox) = open(options()) else { return };
    let case = |input: &str, output: &str| TestCase {
        input: input.into(),
        output: output.into(),
        testtype: TestType::Functional,
    };
    let tests = Tests::Functional(vec![case("[1, 2]\n3", "[[1, 2], 3]"), case("[]\n0", "[[], 0]")]);
    let starter = "class Solution:\n    def pair(self, xs: List[int], k: int) -> List:\n        ";
    for (program, outcome) in [
        (
            "class Solution:\n    def pair(self, xs: List[int], k: int):\n        return [xs, k]",
            Pass,
        ),
        (
            "class Solution:\n    def pair(self, xs, k):\n        print(xs)\n        return (tuple(xs), k)",
            Pass,
        ),
        (
            "class Solution:\n    def pair(self, xs, k):\n        return [xs, k + 1]",
            Fail,
        ),
        ("class Solution:\n    def pair(self, xs, k):\n        pass", Fail),
        (
            "class Solution:\n    def other(self, xs, k):\n        return [xs, k]",
            Error,
        ),
        ("def pair(xs, k):\n    return [xs, k]", Pass),
    ] {
        let verdict = sandbox.judge_with(program, &tests, starter);
        assert_eq!(verdict.outcome, outcome, "{program}: {}", verdict.reason);
    }
}

#[test]
fn every_layer_alone_holds() {
    for (without_namespaces, without_landlock) in [(true, false), (false, true)] {
        let Some(sandbox) = open(rlx_sandbox::SandboxOptions {
            without_namespaces,
            without_landlock,
            ..options()
        }) else {
            continue;
        };
        assert_eq!(sandbox.sandbox.layers().namespaces, !without_namespaces);
        expect(&sandbox, "right", RIGHT, &[Pass]);
        for body in [
            "open('/etc/passwd').read()",
            "os.listdir('/root')",
            "os.listdir('/proc')",
            "os.fork()",
            "os.kill(os.getppid(), 9)",
            "socket.create_connection(('127.0.0.1', 9), timeout=2)",
            "open('../escaped.txt', 'w').write('x')",
        ] {
            expect(&sandbox, body, &doing(body), &[Forbidden]);
        }
    }
    // A machine without both: refused, unless that is asked for.
    let nothing = rlx_sandbox::SandboxOptions {
        without_namespaces: true,
        without_landlock: true,
        ..options()
    };
    if open(options()).is_some() {
        let refusal = Sandbox::open(nothing.clone()).unwrap_err().to_string();
        assert!(refusal.contains("--unsafe-judge"), "{refusal}");
        let unsafe_one = open(rlx_sandbox::SandboxOptions {
            allow_unsafe: true,
            ..nothing
        })
        .unwrap();
        expect(&unsafe_one, "right", RIGHT, &[Pass]);
        expect(&unsafe_one, "fork", &doing("os.fork()"), &[Forbidden]);
    }
}
