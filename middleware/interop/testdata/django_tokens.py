"""Signs and unsigns with django.core.signing.

Reads a list of jobs as JSON from standard input. A job names a signer (a class
of the module, or none for the functions of the module itself), the options to
make it with, the call with its arguments, and the time that the clock is to
show. Writes the list of replies: the result, also as the query that
an application puts it into, or the name of the exception.
"""

import json
import sys
from unittest import mock
from urllib.parse import urlencode

from django.conf import settings
from django.core import signing

settings.configure(SECRET_KEY="every job brings its own key")


def run(job):
    signer = signing
    if job["signer"]:
        signer = getattr(signing, job["signer"])(**job["options"])
    with mock.patch("time.time", return_value=job["at"]):
        try:
            result = getattr(signer, job["call"])(job["argument"], **job["arguments"])
        except signing.BadSignature as e:
            return {"error": type(e).__name__}
    return {"result": result, "query": urlencode({"token": result})}


json.dump([run(job) for job in json.load(sys.stdin)], sys.stdout)
