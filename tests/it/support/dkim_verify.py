"""Verifies the DKIM signature of the message on standard input against the DNS record in the first argument, with dkimpy.
Prints the name that was looked up, and the headers that are signed; fails if the signature is wrong."""

import sys

import dkim

asked = []


def lookup(name, timeout=5):
    asked.append(name.decode())
    return sys.argv[1].encode()


verifier = dkim.DKIM(sys.stdin.buffer.read())
if not verifier.verify(dnsfunc=lookup):
    sys.exit("the signature is wrong")
print(asked[0])
print(",".join(name.decode().lower() for name, _ in verifier.signed_headers))
