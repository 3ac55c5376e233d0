/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The spout `generate`: made-up tuples for tests and benchmarks.
 *
 * Tuple k is a function of the seed and of k alone (`now` apart), so that any tuple can be made again: its position is
 * k. Randomness is a mix of both (SplitMix64's finalizer, G. Steele et al. 2014), not a generator with a state. Task i
 * of n makes the tuples i, i + n, i + 2n, ... Constant fields are filled in once; a call fills and emits a burst of
 * tuples.
 *
 * zipf: rejection-inversion (W. Hormann, G. Derflinger 1996): no table, so `n` may be large. H is the integral of x^-s.
 */
#include <errno.h>
#include <math.h>
#include <squall-kit.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 64, WORD_BYTES = 8, BURST_BYTES = 1024 * 1024 };
enum kind { CONST, SEQ, UNIFORM, UNIFORM_FLOAT, ZIPF, WORDS, ONE_OF, NOW };

struct zipf {
        double n, s, low, high, cut;
};

struct source {
        enum kind kind;
        uint64_t salt, span; /* UNIFORM: low + 0 .. span - 1 */
        int64_t low;
        double from, width;
        struct zipf zipf;
        unsigned words;
        const char *choices;   /* ONE_OF: `words` of them, blanks between them */
        struct sq_value value; /* CONST */
        unsigned field;
        char *text;
};

struct generate {
        int64_t count, seed;
        double rate;
        struct sq_pairs fields;

        uint64_t next, burst; /* of one call */
        struct sq_pace pace;
        unsigned nsources;
        struct source *sources; /* those that are not constant */
        unsigned nvalues;
        struct sq_value values[SQ_FIELDS_MAX];
};

static const char *const words[] = {
        "the",   "of",    "and",     "to",      "in",    "is",     "that",   "for",    "it",     "was",    "on",
        "are",   "as",    "with",    "his",     "they",  "at",     "be",     "this",   "from",   "have",   "or",
        "by",    "one",   "had",     "not",     "but",   "what",   "all",    "were",   "when",   "we",     "there",
        "can",   "an",    "your",    "which",   "their", "said",   "if",     "do",     "will",   "each",   "about",
        "how",   "up",    "out",     "them",    "then",  "she",    "many",   "some",   "so",     "these",  "would",
        "other", "into",  "has",     "more",    "her",   "two",    "like",   "him",    "see",    "time",   "could",
        "no",    "make",  "than",    "first",   "been",  "its",    "who",    "now",    "people", "my",     "made",
        "over",  "did",   "down",    "only",    "way",   "find",   "use",    "may",    "water",  "long",   "little",
        "very",  "after", "words",   "called",  "just",  "where",  "most",   "know",   "storm",  "squall", "rain",
        "wind",  "cloud", "thunder", "river",   "bolt",  "spout",  "stream", "tuple",  "task",   "north",  "south",
        "east",  "west",  "light",   "stone",   "house", "world",  "mother", "father", "answer", "page",   "letter",
        "earth", "point", "head",    "country", "plant", "school", "tree",
};
enum { NWORDS = sizeof(words) / sizeof(*words) };

/* The number behind `x` in a row of random ones: SplitMix64 (S. Vigna, public domain). A seed means the same tuples in
 * every version. */
static uint64_t
after(uint64_t x)
{
        x += UINT64_C(0x9e3779b97f4a7c15);
        x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
        return x ^ x >> 31;
}

static uint64_t
below(uint64_t random, uint64_t span)
{
        return span ? (uint64_t)((unsigned __int128)random * span >> 64) : random;
}

static double
unit(uint64_t random)
{
        return (double)(random >> 11) * 0x1p-53;
}

/* ---- Zipf -------------------------------------------------------------------------------------------- */

static double
zipf_h(double x, double s)
{
        return fabs(s - 1) < 1e-9 ? log(x) : (pow(x, 1 - s) - 1) / (1 - s);
}

static double
zipf_h_inverse(double y, double s)
{
        return fabs(s - 1) < 1e-9 ? exp(y) : pow(1 + y * (1 - s), 1 / (1 - s));
}

static void
zipf_init(struct zipf *zipf, double n, double s)
{
        zipf->n = n;
        zipf->s = s;
        zipf->low = zipf_h(1.5, s) - 1;
        zipf->high = zipf_h(n + 0.5, s);
        zipf->cut = 2 - zipf_h_inverse(zipf_h(2.5, s) - pow(2, -s), s);
}

static int64_t
zipf_draw(const struct zipf *zipf, uint64_t random)
{
        for (;;) {
                double u = zipf->high + unit(random) * (zipf->low - zipf->high), x = zipf_h_inverse(u, zipf->s);
                double k = floor(x + 0.5);

                k = k < 1 ? 1 : k > zipf->n ? zipf->n : k;
                if (k - x <= zipf->cut || u >= zipf_h(k + 0.5, zipf->s) - pow(k, -zipf->s))
                        return (int64_t)k;
                random = after(random);
        }
}

/* ---- Reading a field's recipe ------------------------------------------------------------------------ */

/* Takes the next word off `*at`; false at the end. */
static bool
word(const char **at, struct sq_str *ret)
{
        *at += strspn(*at, " \t");
        *ret = (struct sq_str){*at, strcspn(*at, " \t")};
        *at += ret->len;
        return ret->len > 0;
}

static bool
number(const char **at, double *ret, int64_t *ret_int, bool *ret_whole)
{
        struct sq_str text;
        char *end;

        if (!word(at, &text))
                return false;
        *ret = sq_strtod(text.ptr, &end);
        if (end != text.ptr + text.len || !isfinite(*ret))
                return false;
        errno = 0;
        *ret_int = strtoll(text.ptr, &end, 10);
        *ret_whole = end == text.ptr + text.len && errno == 0;
        return true;
}

static const char *
read_uniform(const char *at, struct source *source)
{
        double from, to;
        int64_t low, high;
        bool whole_from, whole_to;

        if (!number(&at, &from, &low, &whole_from) || !number(&at, &to, &high, &whole_to) || from > to)
                return "`uniform A B` with numbers A <= B";
        source->kind = whole_from && whole_to ? UNIFORM : UNIFORM_FLOAT;
        source->low = low;
        source->span = (uint64_t)high - (uint64_t)low + 1;
        source->from = from;
        source->width = to - from;
        return word(&at, &(struct sq_str){0}) ? "nothing behind `uniform A B`" : NULL;
}

static const char *
read_zipf(const char *at, struct source *source)
{
        double n, s;
        int64_t n_int, s_int;
        bool n_whole, s_whole;

        if (!number(&at, &n, &n_int, &n_whole) || !number(&at, &s, &s_int, &s_whole) || !n_whole || n_int < 1 || s <= 0)
                return "`zipf N S`: ranks 1 to N, the frequency of rank k falling as 1 / k^S";
        zipf_init(&source->zipf, n, s);
        return word(&at, &(struct sq_str){0}) ? "nothing behind `zipf N S`" : NULL;
}

static const char *
read_words(const char *at, struct source *source)
{
        double n;
        int64_t n_int = 1;
        bool whole;

        if (at[strspn(at, " \t")] && (!number(&at, &n, &n_int, &whole) || !whole || n_int < 1 || n_int > WORDS_MAX))
                return "`words`, or `words N` for N words of text, at most 64";
        source->words = (unsigned)n_int;
        return NULL;
}

static const char *
read_one_of(const char *at, struct source *source)
{
        struct sq_str choice;

        source->choices = at;
        while (word(&at, &choice))
                source->words++;
        return source->words ? NULL : "`one-of WORD ...`";
}

static const char *
read_const(const char *at, struct source *source)
{
        const char *rest = at += strspn(at, " \t");
        size_t len = strlen(at);
        double f;
        int64_t i;
        bool whole;

        if (number(&rest, &f, &i, &whole) && rest == at + len)
                source->value = whole ? sq_int(i) : sq_float(f);
        else if (strcmp(at, "true") == 0 || strcmp(at, "false") == 0)
                source->value = sq_bool(*at == 't');
        else if (len >= 2 && strchr("'\"", *at) && at[len - 1] == *at)
                source->value = sq_str((struct sq_str){at + 1, len - 2});
        else
                source->value = sq_text(at);
        return NULL;
}

static const char *
read_bare(const char *at, struct source *source)
{
        (void)source;
        return word(&at, &(struct sq_str){0}) ? "`seq` and `now` alone" : NULL;
}

static const struct {
        const char *name;
        enum kind kind;
        enum sq_type type;
        const char *(*read)(const char *at, struct source *source);
} recipes[] = {
        {"seq", SEQ, SQ_INT, read_bare},         {"uniform", UNIFORM, SQ_INT, read_uniform},
        {"zipf", ZIPF, SQ_INT, read_zipf},       {"words", WORDS, SQ_STR, read_words},
        {"const", CONST, SQ_ANY, read_const},    {"now", NOW, SQ_TIME, read_bare},
        {"one-of", ONE_OF, SQ_STR, read_one_of},
};

/* NULL, or what would be right. */
static const char *
read_recipe(const char *text, struct source *source, enum sq_type *ret_type)
{
        const char *at = text, *wrong;
        struct sq_str name = {0};

        word(&at, &name);
        for (size_t i = 0; i < sizeof(recipes) / sizeof(*recipes); i++) {
                if (strlen(recipes[i].name) != name.len || memcmp(recipes[i].name, name.ptr, name.len) != 0)
                        continue;
                source->kind = recipes[i].kind;
                wrong = recipes[i].read(at, source);
                *ret_type = source->kind == CONST           ? (enum sq_type)source->value.type
                            : source->kind == UNIFORM_FLOAT ? SQ_FLOAT
                                                            : recipes[i].type;
                return wrong;
        }
        return "`seq`, `uniform A B`, `zipf N S`, `words`, `words N`, `one-of WORD ...`, `const VALUE` or `now`";
}

/* The fields as set, or the one field `seq`. */
static struct sq_pairs
recipes_of(const struct generate *self)
{
        static const char *const seq[] = {"seq"};

        return self->fields.n ? self->fields : (struct sq_pairs){1, seq, seq};
}

static void
declare(struct sq_declaration *decl)
{
        const struct generate *self = sq_declared_state(decl);
        struct sq_pairs fields = recipes_of(self);
        enum sq_type type = SQ_ANY;
        bool draws = false;

        for (size_t i = 0; i < fields.n; i++) {
                struct source source = {0};
                const char *right = read_recipe(fields.values[i], &source, &type);

                draws |= right || (source.kind != SEQ && source.kind != CONST && source.kind != NOW);
                if (right)
                        sq_declare_error(decl, "fields", "%s: `%s` is no recipe (right is %s)", fields.names[i],
                                         fields.values[i], right);
                sq_declare_out(decl, 0, fields.names[i], type);
        }
        if (!draws)
                sq_declare_unused(decl, "seed", "where nothing is drawn (no `uniform`, `zipf`, `words` or `one-of`)");
        if (self->count < 0)
                sq_declare_error(decl, "count", "must not be negative");
        if (!(self->rate >= 0))
                sq_declare_error(decl, "rate", "must not be negative");
}

/* ---- Running ----------------------------------------------------------------------------------------- */

/* What a call emits goes out in one piece, so there is a limit to it in bytes, too. */
static uint64_t
burst_of(size_t tuple_bytes)
{
        return tuple_bytes < BURST_BYTES ? BURST_BYTES / (tuple_bytes + 1) : 1;
}

static int
prepare(struct sq_task *task)
{
        struct generate *self = sq_state(task);
        struct sq_pairs fields = recipes_of(self);
        enum sq_type type;
        size_t bytes = 0;

        self->sources = calloc(fields.n, sizeof(*self->sources));
        for (size_t i = 0; self->sources && i < fields.n; i++) {
                struct source *source = &self->sources[self->nsources];
                const char *right = read_recipe(fields.values[i], source, &type);

                if (right)
                        return sq_error(task, "%s: `%s` is no recipe (right is %s)", fields.names[i], fields.values[i],
                                        right);
                source->field = self->nvalues;
                source->salt = after((uint64_t)self->seed ^ after(i));
                source->text = source->kind == WORDS ? malloc(source->words * (size_t)WORD_BYTES) : NULL;
                if (source->kind == WORDS && !source->text)
                        return sq_error(task, "%s", strerror(ENOMEM));
                bytes += strlen(fields.values[i]) + source->words * (size_t)WORD_BYTES;
                self->values[self->nvalues++] = source->value;
                self->nsources += source->kind != CONST;
        }
        self->burst = burst_of(bytes);
        self->next = sq_index(task);
        return self->sources ? 0 : sq_error(task, "%s", strerror(ENOMEM));
}

static struct sq_value
make_words(const struct source *source, uint64_t random)
{
        size_t len = 0;

        for (unsigned i = 0; i < source->words; i++, random = after(random)) {
                const char *text = words[below(random, NWORDS)];
                size_t n = strlen(text);

                if (i > 0)
                        source->text[len++] = ' ';
                memcpy(source->text + len, text, n);
                len += n;
        }
        return sq_str((struct sq_str){source->text, len});
}

static struct sq_value
choose(const struct source *source, uint64_t random)
{
        const char *at = source->choices;
        struct sq_str choice = {0};

        for (uint64_t left = below(random, source->words) + 1; left > 0; left--)
                word(&at, &choice);
        return sq_str(choice);
}

static inline struct sq_value
make(const struct source *source, uint64_t k, struct sq_time now)
{
        uint64_t random = source->kind == SEQ ? 0 : after(source->salt + k);

        switch (source->kind) {
        case SEQ:
                return sq_int((int64_t)k);
        case UNIFORM:
                return sq_int((int64_t)((uint64_t)source->low + below(random, source->span)));
        case UNIFORM_FLOAT:
                return sq_float(source->from + unit(random) * source->width);
        case ZIPF:
                return sq_int(zipf_draw(&source->zipf, random));
        case WORDS:
                return make_words(source, random);
        case ONE_OF:
                return choose(source, random);
        case NOW:
                return sq_time(now);
        default:
                return source->value;
        }
}

static inline void
emit(struct sq_task *task, struct generate *self, uint64_t k, struct sq_time now)
{
        sq_track(task, k);
        for (unsigned i = 0; i < self->nsources; i++)
                self->values[self->sources[i].field] = make(&self->sources[i], k, now);
        sq_emit_values(task, 0, self->nvalues, self->values);
}

static enum sq_next
next(struct sq_task *task)
{
        struct generate *self = sq_state(task);
        uint64_t step = sq_parallelism(task), end = self->count ? (uint64_t)self->count : UINT64_MAX, k = self->next,
                 due;
        uint64_t most = sq_pace_burst(task);
        struct sq_time now;

        if (k >= end)
                return SQ_DONE;
        due = sq_pace_due(&self->pace, task, self->rate, most < self->burst ? most : self->burst);
        if (due == 0)
                return SQ_IDLE;
        now = sq_wall(task);
        for (uint64_t i = 0; i < due && k < end; i++, k += step)
                emit(task, self, k, now);
        sq_pace_sent(&self->pace, (k - self->next) / step);
        self->next = k;
        return k >= end ? SQ_DONE : SQ_MORE;
}

static int
replay(struct sq_task *task, uint64_t position)
{
        emit(task, sq_state(task), position, sq_wall(task));
        return 0;
}

static int
seek(struct sq_task *task, uint64_t position)
{
        struct generate *self = sq_state(task);
        uint64_t step = sq_parallelism(task), index = sq_index(task);

        self->next = position <= index ? index : index + (position - index + step - 1) / step * step;
        return 0;
}

static void
activate(struct sq_task *task)
{
        sq_pace_restart(&((struct generate *)sq_state(task))->pace);
}

static void
cleanup(struct sq_task *task)
{
        struct generate *self = sq_state(task);

        for (unsigned i = 0; i < self->nsources; i++)
                free(self->sources[i].text);
        free(self->sources);
}

SQ_SPOUT(generate) = {
        .about = "Made-up tuples: sequence numbers, random numbers, words, constants.",
        .state = sizeof(struct generate),
        .options =
                {
                        SQ_OPT_INT(struct generate, count, 0, "number of tuples over all tasks; 0: without end"),
                        SQ_OPT_FLOAT(struct generate, rate, 0,
                                     "tuples a second over all tasks; 0: as fast as possible"),
                        SQ_OPT_MAP(
                                struct generate, fields,
                                "name: `seq`, `uniform A B`, `zipf N S`, `words [N]`, `one-of WORD ...`, `const VALUE` or `now`; "
                                "default: seq: seq"),
                        SQ_OPT_INT(struct generate, seed, 1, "another seed, other tuples"),
                },
        .declare = declare,
        .prepare = prepare,
        .next = next,
        .replay = replay,
        .seek = seek,
        .activate = activate,
        .cleanup = cleanup,
};
