"""What pages of other sites make a browser send here.

Nobody logs in, so what reaches the API is obeyed; and a browser on this machine reaches it, whichever page it shows.
Forms, and a POST without a body, a page may send anywhere without asking first. Browsers say whose page it was.
"""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from task_system.model.errors import OtherSite

_CHANGE_NOTHING = frozenset({"GET", "HEAD", "OPTIONS"})
_OURS = frozenset({"same-origin", "none"})


def refuser_of_other_sites(allowed: tuple[str, ...]) -> Callable[[Mapping[str, Any]], None]:
    """What raises OtherSite for a request that changes something and comes from neither our page nor an allowed one."""

    def refuse(environ: Mapping[str, Any]) -> None:
        site, origin = environ.get("HTTP_SEC_FETCH_SITE"), environ.get("HTTP_ORIGIN")
        if (site is None and origin is None) or environ["REQUEST_METHOD"] in _CHANGE_NOTHING:
            return
        # Browsers say the site to hosts that they trust, which this machine is; the origin they say to all.
        ours = site in _OURS if site is not None else urlsplit(origin or "").netloc == environ.get("HTTP_HOST")
        if not ours and "*" not in allowed and origin not in allowed:
            raise OtherSite

    return refuse
