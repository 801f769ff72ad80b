"""The garbage collector of a process that works by the batch."""

import gc

# A batch makes some hundred thousand objects that die with it, hardly any in a cycle: looking through
# them every seven hundred finds nothing, again and again.
OBJECTS_MADE = 50_000


def settle() -> None:
    """Call once all modules are loaded: what there is then stays, and is never looked through again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(OBJECTS_MADE)
