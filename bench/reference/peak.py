"""How much memory a process had at most."""

import sys


def peak_bytes():
    # Linux counts what getrusage tells from before the program was even started; its own file does not.
    if sys.platform != "linux":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:")) * 1024
