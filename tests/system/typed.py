"""ztc as it is typed."""

import json
import os
import subprocess

OK, REFUSED, USAGE, UNANSWERED, ENVIRONMENT = 0, 1, 2, 3, 4


class Ran:
    def __init__(self, ran):
        self.code, self.out, self.err = ran.returncode, ran.stdout, ran.stderr

    @property
    def json(self):
        return json.loads(self.out)

    @property
    def lines(self):
        """Of an output that is one object of JSON a line."""
        return [json.loads(line) for line in self.out.splitlines()]

    def __repr__(self):
        return f"exit {self.code}\n{self.out}\n{self.err}"


def environment(stack, zh=False, **more):
    """What a program of the test's own sees of a stack."""
    return {**os.environ, **stack.env, **stack.home.wish().get("settings", {}), "ZTC_LANG": "zh" if zh else "en", **more}


def runner(stack, directory):
    """run(*arguments, key=role or certificate): to its end, in the directory."""

    def run(*arguments, key="operator", zh=False, timeout=120, env=None, **options):
        whole = {**environment(stack, zh), "ZTC_KEY": stack.env.get(f"ZTC_KEY_{key.upper()}", str(key)), **(env or {})}
        return Ran(subprocess.run([str(stack.binaries / "ztc"), *arguments], env=whole, cwd=directory, text=True, timeout=timeout,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, **options))

    return run
