/* SPDX-License-Identifier: Apache-2.0 */
/* What libfyaml reports of a file that is not YAML speaks of its grammar; here stands what its writer may have done. */
#include <stddef.h>
#include <string.h>

#include "topology/yaml.h"

static const struct {
        const char *part; /* of the message */
        const char *mend;
} mends[] = {
        {"tab", " (indent with spaces)"},
        {"multiline plain key",
         " (`: ` stands behind a key, `- ` before an entry, and the keys of a map stand below each "
         "other, by spaces)"},
        {"at the end of block sequence", " (the keys of an entry stand below each other)"},
        {"expected '-' indicator", " (the keys of an entry stand below each other)"},
        {"invalid indentation", " (the keys of an entry stand below each other)"},
        {"sequence on the same line", " (the list begins on the next line)"},
        {"cannot start with", " (put it in quotes)"},
        {"trailing content after", " (put all of it in quotes of the other kind)"},
        {"no linebreak found", " (put all of it in quotes)"},
        {"block mapping on the same line", " (put the value in quotes)"},
        {"missing comma", " (a comma, or a } or ], is missing before it)"},
        {"wrongly indented flow", " (a } or ] is missing before it)"},
        {"mismatched flow", " (a { ends with }, a [ with ])"},
        {"invalid escape", " (between single quotes \\ is itself)"},
};

const char *
sqi_yaml_mend(const char *message)
{
        for (size_t i = 0; i < sizeof(mends) / sizeof(mends[0]); i++)
                if (strstr(message, mends[i].part))
                        return mends[i].mend;
        return "";
}
