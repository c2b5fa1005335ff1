"""Whether to go on, asked of who is there."""

import click


def confirm(question: str) -> None:
    """Ask. Raises Abort for a no, and ClickException where nobody answers."""
    try:
        sure = click.confirm(question, err=True)
    except click.Abort:
        raise click.ClickException("nobody said yes, and nothing was done. --yes does it without asking.") from None
    if not sure:
        raise click.Abort
