"""`taskq completion`, and what shells offer where a task type or a queue is to be named."""

import click
import httpx2
from click.shell_completion import CompletionItem, get_completion_class

from task_system.cli.api import BASE_URL
from task_system.model.routing import LANES, queues_of

#: Who presses Tab does not wait longer, in seconds.
TIMEOUT_S = 1.0


def task_types(ctx: click.Context, _parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """Those of the service, if it answers."""
    url = ctx.params.get("url") or BASE_URL
    try:
        answer = httpx2.get(f"{url}/api/task-types", timeout=TIMEOUT_S).json()
        types = [(one["name"], one["description"].partition("\n")[0]) for one in answer["task_types"]]
    except (httpx2.HTTPError, ValueError, KeyError):
        return []
    return [CompletionItem(name, help=words) for name, words in types if name.startswith(begun)]


def queues(_ctx: click.Context, _parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """All there are."""
    return [CompletionItem(name) for name in queues_of(LANES) if name.startswith(begun)]


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print a shell's completion script.

    \b
      echo 'eval "$(taskq completion bash)"' >> ~/.bashrc
      echo 'eval "$(taskq completion zsh)"' >> ~/.zshrc
      taskq completion fish > ~/.config/fish/completions/taskq.fish
    """
    root = click.get_current_context().find_root()
    kind = get_completion_class(shell)
    assert kind
    click.echo(kind(root.command, {}, "taskq", "_TASKQ_COMPLETE").source())
