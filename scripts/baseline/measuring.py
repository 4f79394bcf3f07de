"""What scripts/bench is made of: the environment, facts about the machine, and processes with their time and peak memory.

Only Python's own library is used here.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = ROOT / "scripts" / "baseline"
CACHE = ROOT / ".build" / "bench"
REQUIREMENTS = ROOT / "scripts" / "goldens" / "requirements.txt"

# What the machine's owner set for other programs is left out on both sides: each library chooses its own kernels.
FOREIGN = ("OPENBLAS_", "GOTO_", "OMP_", "GOMP_", "KMP_", "MKL_", "ONEDNN_", "DNNL_", "ATEN_", "LORAWB_", "LD_PRELOAD")

# Processors without AVX-512: both sides are held to AVX2 in every library that they use.
PEFT_AVX2 = {"ATEN_CPU_CAPABILITY": "avx2", "MKL_ENABLE_INSTRUCTIONS": "AVX2", "ONEDNN_MAX_CPU_ISA": "AVX2"}
LORAWB_AVX2 = {"LORAWB_ISA": "v3", "OPENBLAS_CORETYPE": "Haswell", "ONEDNN_MAX_CPU_ISA": "AVX2", "DNNL_MAX_CPU_ISA": "AVX2"}


class Failed(Exception):
    """A process that ended badly, with the last thing it said."""


def clean_environment(extra=None):
    env = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    return {**env, "HF_HUB_OFFLINE": "1", **(extra or {})}


def say(text):
    print(text, file=sys.stderr, flush=True)


def run(command, env=None, timeout=600, cwd=ROOT):
    """Runs a command; gives what it printed, its seconds, and the most memory it held (mapped pages included), in MB."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        started = time.clock_gettime(time.CLOCK_MONOTONIC)
        process = subprocess.Popen(
            [str(word) for word in command], stdout=out, stderr=err, stdin=subprocess.DEVNULL, cwd=cwd,
            env={**clean_environment(env), "BENCH_STARTED": repr(started)})
        watch = threading.Timer(timeout, process.kill)
        watch.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:  # an interruption: nothing is left behind that still computes
            process.kill()
            process.wait()
            raise
        finally:
            watch.cancel()
        seconds = time.clock_gettime(time.CLOCK_MONOTONIC) - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if seconds >= timeout:
            raise Failed(f"no end within {timeout} s")
        out.seek(0)
        err.seek(0)
        text = out.read().decode(errors="replace")
        if process.returncode != 0:
            said = (err.read().decode(errors="replace").strip() or text.strip()).splitlines()
            reason = said[-1].replace(f"{ROOT}/", "") if said else "it said nothing"
            raise Failed(f"exit {process.returncode}: {reason}")
    scale = 1 if sys.platform == "darwin" else 1024
    return text, seconds, usage.ru_maxrss * scale / 1e6


def last_json(text):
    """The JSON object on the last line that holds one."""
    for line in reversed(text.splitlines()):
        if line.startswith("{"):
            return json.loads(line)
    raise Failed(f"it printed no figures: {text.strip()[-200:]}")


def build():
    """Builds the program as it is installed; gives its path."""
    subprocess.run(["scripts/setup"], cwd=ROOT, check=True)
    build = ". scripts/environment && exec swift build -c release --static-swift-stdlib --product lorawb"
    try:
        subprocess.run(["sh", "-c", build], cwd=ROOT, check=True, stdout=sys.stderr)
    except subprocess.CalledProcessError as error:
        raise SystemExit("bench: the program could not be built; what is wrong stands above") from error
    return ROOT / ".build" / "release" / "lorawb"


def has_peft(python):
    """Whether this Python has what PEFT's side needs."""
    try:
        return subprocess.run([python, "-c", "import peft, torch, transformers"], capture_output=True).returncode == 0
    except OSError:
        return False


def environment(named, may_make):
    """The Python of PEFT's side: the one that is named, else one of its own, made where it may be; None without one."""
    if named:
        if not has_peft(named):
            raise SystemExit(f"bench: {named} has no peft, torch and transformers; install {REQUIREMENTS.relative_to(ROOT)} into it")
        return named
    own = CACHE / "python" / "bin" / "python"
    if has_peft(own):
        return own
    if not may_make:
        return None
    say(f"bench: making an environment in {own.parents[1].relative_to(ROOT)} (once; some hundred MB)")
    try:
        subprocess.run([sys.executable, "-m", "venv", "--clear", own.parents[1]], check=True)
        subprocess.run([own, "-m", "pip", "install", "--quiet", "-r", REQUIREMENTS], check=True, stdout=sys.stderr)
    except (OSError, subprocess.CalledProcessError) as error:
        raise SystemExit(
            f"bench: the environment could not be made: {error}; name a Python that has the packages with --python, "
            "or run --quick, which does without") from error
    return own


def cpu():
    """Name of the processor, and which of the instruction sets that matter it has."""
    name, flags = platform.processor() or platform.machine(), []
    if Path("/proc/cpuinfo").exists():
        facts = dict(
            (key.strip(), value.strip()) for key, _, value in
            (line.partition(":") for line in Path("/proc/cpuinfo").read_text().splitlines()) if value)
        name = facts.get("model name", name)
        wanted = ("avx2", "fma", "avx512f", "avx512_bf16", "avx512_vnni", "amx_bf16", "asimd", "bf16")
        flags = [flag for flag in wanted if flag in facts.get("flags", facts.get("Features", "")).split()]
    return name, flags


def machine(lorawb):
    name, flags = cpu()
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    info = {}
    for line in run([lorawb, "info"])[0].splitlines():
        fact = line[:14].strip()
        if fact not in ("model cache", "processor", "memory"):
            info[fact] = line[14:].strip()
    return {"cpu": name, "cores": os.cpu_count(), "isa": flags, "memory_gb": round(pages / 1e9, 1), "lorawb": info}


def commit():
    def git(*words):
        return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    # What the runs before wrote to the record changes nothing that is measured.
    changed = git("status", "--porcelain", "-uno", "--", ".", ":!scripts/bench.jsonl", ":!README.md")
    return (git("rev-parse", "--short=12", "HEAD") or "unknown") + ("-changed" if changed else "")
