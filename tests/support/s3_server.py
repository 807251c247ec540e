"""An S3 server on loopback that answers "503 Slow Down" now and then, for tests.

`python s3_server.py PORT EVERY`: every so manieth request fails; 0 lets all pass.
"""

import itertools
import sys

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple

_SLOW_DOWN = b'<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>slow</Message></Error>'


def main():
    port, every = int(sys.argv[1]), int(sys.argv[2])
    application = DomainDispatcherApplication(create_backend_app)
    numbers = itertools.count(1)

    def sometimes(environ, start_response):
        if every and next(numbers) % every == 0:
            start_response("503 Slow Down", [("Content-Type", "application/xml")])
            return [_SLOW_DOWN]
        return application(environ, start_response)

    run_simple("127.0.0.1", port, sometimes, threaded=True)


if __name__ == "__main__":
    main()
