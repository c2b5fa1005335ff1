"""One page of HTML and the files it loads, straight from disk: nothing is built, and nothing kept in memory."""

import hashlib
import re
from functools import cache
from pathlib import Path

from flask import Blueprint, Response, send_from_directory

STATIC = Path(__file__).resolve().parent / "static"
#: Stands in the page for the digest of all files, which is a part of their addresses.
_DIGEST_HERE = "/static/-/"
_PRELOADS_HERE = "<!-- preloads -->"
_IMPORT = re.compile(r'^(?:import|export \*) .*?from "(\.[^"]+)";$', re.MULTILINE | re.DOTALL)
_FOREVER_S = 31_536_000
#: What a browser may do with the page: load and call this origin, and nothing else. No script or style inside the page.
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Cache-Control": "no-cache",
    "Referrer-Policy": "same-origin",
    "Vary": "Accept",
    "X-Content-Type-Options": "nosniff",
}

bp = Blueprint("dashboard", __name__, url_prefix="/dashboard")


@bp.get("/")
@bp.get("/<path:_view>")
def shell(_view: str = "") -> Response:
    """The page. It is the same for every view: the script in it looks at the address."""
    response = Response(_page(), content_type="text/html; charset=utf-8", headers=_HEADERS)
    response.add_etag()
    return response


@bp.get("/static/<digest>/<path:name>")
def asset(digest: str, name: str) -> Response:
    """A file of the page. Kept by browsers for good, unless the page that asks is another version's."""
    response = send_from_directory(STATIC, name, max_age=_FOREVER_S)
    response.cache_control.immutable = True
    if digest != digest_of_files():
        response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


@cache
def digest_of_files() -> str:
    """Of all files' names and contents: another version has other addresses."""
    digest = hashlib.sha256()
    for path in sorted(STATIC.rglob("*.*")):
        digest.update(f"{path.relative_to(STATIC)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


@cache
def _page() -> str:
    modules = sorted(imported_by(STATIC / "js/main.js"))
    preloads = "\n".join(
        f'<link rel="modulepreload" href="/dashboard{_DIGEST_HERE}{module.relative_to(STATIC)}">' for module in modules
    )
    page = (STATIC / "index.html").read_text(encoding="utf-8").replace(_PRELOADS_HERE, preloads)
    return page.replace(_DIGEST_HERE, f"/static/{digest_of_files()}/")


def imported_by(module: Path) -> set[Path]:
    """The module and all that is loaded with it: told to browsers at once, they are fetched side by side."""
    found, left = {module}, [module]
    while left:
        importer = left.pop()
        names = _IMPORT.findall(importer.read_text(encoding="utf-8"))
        new = {(importer.parent / name).resolve() for name in names} - found
        found |= new
        left += new
    return found
