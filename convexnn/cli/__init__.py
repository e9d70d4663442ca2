"""The `convexnn` command.

Results go to stdout, everything else to stderr. Exit codes: 0 certified or done, 1 not certified within the tolerance,
2 bad usage or input.
"""

from convexnn.cli import capacity, certify, fit, info, learn, path, train
from convexnn.cli.app import application

for _command in (fit.fit, path.path, certify.certify, train.train, learn.learn, capacity.capacity, info.info):
    application.command()(_command)


def main() -> None:
    """The entry point of the `convexnn` script."""
    application()
