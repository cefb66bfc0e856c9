"""The process in which attempts are made: reads ["cli" or "call", words …] a line, answers with a line."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import warnings


def answer(kind: str, words: list[str]) -> dict[str, object]:
    """Return status, stdout and stderr of a command line, or value and error of a function of `readers`."""
    import readers

    from fractalman import cli

    warnings.simplefilter("ignore")
    out, err = io.StringIO(), io.StringIO()
    status: int = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            if kind == "cli":
                status = cli.main(words)
            else:
                print(getattr(readers, words[0])(*words[1:]))
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 1
        except BaseException as error:
            status, said = cli._status(error)
            print(said, file=err)
    return {"status": status, "out": out.getvalue(), "err": err.getvalue()}


if __name__ == "__main__":
    channel = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what libraries print is no answer
    for line in sys.stdin:
        first, *rest = json.loads(line)
        channel.write(json.dumps(answer(first, rest)) + "\n")
        channel.flush()
