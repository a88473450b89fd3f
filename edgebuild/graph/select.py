"""Which targets a command is about."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from edgebuild.config.load import load_target, shipped_targets
from edgebuild.config.project import Project
from edgebuild.config.target import Target
from edgebuild.errors import ConfigError


def select_targets(project: Project, names: Iterable[str]) -> tuple[Target, ...]:
    """The project's targets of these names, in the order of the file; all of them where no name is given.

    A shipped profile may be named too: `-t stm32l4r5` needs no line in the project. Such targets come last.

    Raises:
        ConfigError: a name is neither a target of the project nor a shipped profile.
    """
    wanted = list(dict.fromkeys(names))
    known, shipped = project.target_names(), shipped_targets()
    for name in wanted:
        if name not in known and name not in shipped:
            near = difflib.get_close_matches(name, [*known, *shipped], n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            msg = f"the project has no target {name!r}{hint}"
            remedy = f"its targets are: {', '.join(known)}; shipped profiles: {', '.join(shipped)}"
            raise ConfigError(msg, remedy=remedy)
    own = [target for target in project.targets if not wanted or target.name in wanted]
    return (*own, *(load_target(name) for name in wanted if name not in known))
