"""What makes the library a project: a CMakeLists.txt and an example main that runs it on any machine."""

from __future__ import annotations

CMAKE = """\
cmake_minimum_required(VERSION 3.13)
project({prefix} C)

add_library({prefix} STATIC {prefix}.c)
target_include_directories({prefix} PUBLIC ${{CMAKE_CURRENT_SOURCE_DIR}})
set_target_properties({prefix} PROPERTIES C_STANDARD 99 C_EXTENSIONS ON)
target_compile_options({prefix} PRIVATE -O2 -Wall -Wextra)

# The example reads the inputs' bytes from standard input and writes the outputs' bytes to standard output.
if(NOT CMAKE_CROSSCOMPILING)
  add_executable({prefix}_example main.c)
  target_link_libraries({prefix}_example PRIVATE {prefix})
endif()
"""

MAIN = """\
/* Reads the inputs' bytes, one after another, from standard input; writes the outputs' bytes to standard output. */
#include <stdio.h>

#include "{prefix}.h"

static union {{
  int8_t bytes[{upper}_ARENA_BYTES];
  long long words[2];
}} arena
#if defined(__GNUC__)
    __attribute__((aligned({upper}_ARENA_ALIGNMENT)))
#endif
    ;

int main(void) {{
{reads}  {prefix}_invoke(&arena);
{writes}  return 0;
}}
"""


def cmake_lists(prefix: str) -> str:
    """Return the text of CMakeLists.txt."""
    return CMAKE.format(prefix=prefix)


def example_main(prefix: str, inputs: int, outputs: int) -> str:
    """Return the text of main.c for a model with so many inputs and outputs."""
    upper = prefix.upper()
    reads = "".join(
        f"  if (fread({prefix}_input_{number}(&arena), 1, {upper}_INPUT_{number}_BYTES, stdin) !="
        f" {upper}_INPUT_{number}_BYTES) {{\n    return 1;\n  }}\n"
        for number in range(inputs)
    )
    writes = "".join(
        f"  if (fwrite({prefix}_output_{number}(&arena), 1, {upper}_OUTPUT_{number}_BYTES, stdout) !="
        f" {upper}_OUTPUT_{number}_BYTES) {{\n    return 1;\n  }}\n"
        for number in range(outputs)
    )
    return MAIN.format(prefix=prefix, upper=upper, reads=reads, writes=writes)
