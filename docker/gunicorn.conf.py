"""Settings of `wearable-cds serve` for those who start gunicorn themselves, with as many workers twice:

gunicorn -c docker/gunicorn.conf.py 'cds_service.serve:application(workers=2)'
"""

import os

from cds_service.serve import gunicorn_options, prepare


def on_starting(_: object) -> None:
    """Settings are checked and the service is imported before the workers are made."""
    prepare()


globals().update(
    gunicorn_options(os.environ.get("BIND", "0.0.0.0:8000"), int(os.environ.get("WORKERS", "2")))
)
