/* SPDX-License-Identifier: Apache-2.0 */
#include "top_screen.h"

#ifndef SQI_WITH_NCURSESW

bool
cli_screen_begin(void)
{
        return false;
}

void
cli_screen_end(void)
{
}

void
cli_screen_draw(struct cli_top_view *view)
{
        (void)view;
}

int
cli_screen_key(int milliseconds)
{
        (void)milliseconds;
        return CLI_KEY_NONE;
}

#else

#include <curses.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum colour { PLAIN, GOOD, WARM, HOT, WAITS, HEAD };
enum { NAME_MIN = 12, NAME_MAX = 40, SPARKS_MIN = 6, SPARKS_MAX = 30 };

bool
cli_screen_begin(void)
{
        const char *term = getenv("TERM"), *plain = getenv("NO_COLOR");

        if (!isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO) || !term || !*term || strcmp(term, "dumb") == 0)
                return false;
        setlocale(LC_CTYPE, "");
        set_escdelay(50);
        initscr();
        cbreak();
        noecho();
        curs_set(0);
        keypad(stdscr, TRUE);
        if (has_colors() && !(plain && *plain)) {
                start_color();
                use_default_colors();
                init_pair(GOOD, COLOR_GREEN, -1);
                init_pair(WARM, COLOR_YELLOW, -1);
                init_pair(HOT, COLOR_RED, -1);
                init_pair(WAITS, COLOR_MAGENTA, -1);
                init_pair(HEAD, COLOR_CYAN, -1);
        }
        return true;
}

void
cli_screen_end(void)
{
        endwin();
}

int
cli_screen_key(int milliseconds)
{
        static const struct {
                int curses, ours;
        } keys[] = {{KEY_UP, CLI_KEY_UP},
                    {KEY_DOWN, CLI_KEY_DOWN},
                    {KEY_PPAGE, CLI_KEY_PAGE_UP},
                    {KEY_NPAGE, CLI_KEY_PAGE_DOWN},
                    {KEY_ENTER, CLI_KEY_ENTER},
                    {'\n', CLI_KEY_ENTER},
                    {'\r', CLI_KEY_ENTER},
                    {KEY_RIGHT, CLI_KEY_ENTER},
                    {KEY_LEFT, CLI_KEY_BACK},
                    {27, CLI_KEY_BACK},
                    {KEY_BACKSPACE, CLI_KEY_RUBOUT},
                    {127, CLI_KEY_RUBOUT},
                    {'\b', CLI_KEY_RUBOUT},
                    {KEY_RESIZE, CLI_KEY_RESIZE},
                    {ERR, CLI_KEY_NONE}};

        timeout(milliseconds);
        int typed = getch();
        for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
                if (keys[i].curses == typed)
                        return keys[i].ours;
        return typed < 256 ? typed : CLI_KEY_NONE;
}

/* ---- Drawing ----------------------------------------------------------------------------------------- */

/* One line, cut at the edge; what is beyond the last line is not drawn. */
static void
put_line(int y, enum colour colour, attr_t attributes, const char *text)
{
        if (y >= LINES)
                return;
        attron((int)((attr_t)COLOR_PAIR(colour) | attributes));
        mvaddnstr(y, 0, text, COLS);
        attroff((int)((attr_t)COLOR_PAIR(colour) | attributes));
}

/* Where the columns stand. */
struct layout {
        int name, sparks;
        bool shown[CLI_TOP_NCOLUMNS];
};

static int
longest_name(const struct cli_top_rows *rows)
{
        size_t longest = NAME_MIN;

        for (size_t i = 0; i < rows->n; i++)
                if (strlen(rows->rows[i].name) > longest)
                        longest = strlen(rows->rows[i].name);
        return longest > NAME_MAX ? NAME_MAX : (int)longest;
}

/* Names come before the minute behind, but for a little of it. */
static struct layout
lay_out(enum cli_top_level level, const struct cli_top_rows *rows)
{
        struct layout layout = {0};
        int rest = COLS, name = longest_name(rows);

        for (int c = 0; c < CLI_TOP_NCOLUMNS; c++) {
                layout.shown[c] = cli_top_has(level, (enum cli_top_column)c) && COLS >= cli_top_heads[c].from &&
                                  rest - cli_top_heads[c].width - 1 >= NAME_MIN;
                if (layout.shown[c])
                        rest -= cli_top_heads[c].width + 1;
        }
        layout.sparks = rest - name - 1 < SPARKS_MIN ? SPARKS_MIN : rest - name - 1;
        layout.sparks = rest - layout.sparks - 1 < NAME_MIN ? 0 : layout.sparks;
        layout.sparks = layout.sparks > SPARKS_MAX ? SPARKS_MAX : layout.sparks;
        layout.name = rest - (layout.sparks ? layout.sparks + 1 : 0);
        layout.name = layout.name > NAME_MAX ? NAME_MAX : layout.name;
        return layout;
}

/* Colour says something: who has no time left, who waits, what has failed. */
static enum colour
colour_of(const struct cli_top_row *row, enum cli_top_column column)
{
        double value = row->values[column];

        if (column == CLI_TOP_STATE)
                return strcmp(row->state, "running") == 0 || strcmp(row->state, "finished") == 0 ? GOOD : HOT;
        if (column == CLI_TOP_BUSY)
                return value >= 0.9 ? HOT : value >= 0.6 ? WARM : PLAIN;
        if (column == CLI_TOP_BLOCKED)
                return value >= 0.1 ? WAITS : PLAIN;
        return (column == CLI_TOP_FAILED || column == CLI_TOP_RESTARTS) && value > 0 ? HOT : PLAIN;
}

static void
put_sparks(const struct cli_top_row *row, int y, int x, int width)
{
        static const char *const blocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"}, plain[] = " .:-=+*##";
        int heights[SPARKS_MAX];

        cli_top_sparks(row->memory, width, heights);
        attron(COLOR_PAIR(HEAD));
        move(y, x);
        for (int i = 0; i < width; i++) {
                int height = heights[i] < 0 ? 0 : heights[i];

                if (MB_CUR_MAX > 1)
                        addstr(blocks[height]);
                else
                        addch((chtype)plain[height]);
        }
        attroff(COLOR_PAIR(HEAD));
}

static void
put_row(const struct cli_top_row *row, const struct layout *layout, int y, bool selected)
{
        char cell[CLI_TOP_CELL];
        int x = layout->name;

        if (selected)
                attron(A_REVERSE);
        mvprintw(y, 0, "%-*.*s", layout->name, layout->name, row->name);
        if (selected)
                attroff(A_REVERSE);
        if (row->limits)
                mvchgat(y, 0, layout->name, A_BOLD | (selected ? A_REVERSE : 0), WARM, NULL);
        for (int c = 0; c < CLI_TOP_NCOLUMNS; c++) {
                enum colour colour = colour_of(row, (enum cli_top_column)c);

                if (!layout->shown[c])
                        continue;
                attron(COLOR_PAIR(colour));
                mvprintw(y, x + 1, "%*.*s", cli_top_heads[c].width, cli_top_heads[c].width,
                         cli_top_cell(row, (enum cli_top_column)c, cell));
                attroff(COLOR_PAIR(colour));
                x += cli_top_heads[c].width + 1;
        }
        if (layout->sparks)
                put_sparks(row, y, x + 1, layout->sparks);
}

static void
put_heads(const struct cli_top_view *view, const struct layout *layout, int y)
{
        static const char *const names[] = {"topology", "component", "task", ""};
        int x = layout->name;

        attron(A_BOLD | COLOR_PAIR(HEAD));
        mvprintw(y, 0, "%-*.*s", layout->name, layout->name, names[view->level]);
        for (int c = 0; c < CLI_TOP_NCOLUMNS; c++) {
                if (!layout->shown[c])
                        continue;
                if (view->sorted == (enum cli_top_column)c)
                        attron(A_UNDERLINE);
                mvprintw(y, x + 1, "%*s", cli_top_heads[c].width, cli_top_heads[c].head);
                attroff(A_UNDERLINE);
                x += cli_top_heads[c].width + 1;
        }
        attroff(A_BOLD | COLOR_PAIR(HEAD));
}

static void
put_table(struct cli_top_view *view, int y)
{
        struct layout layout = lay_out(view->level, view->rows);
        size_t room = LINES - y - 2 > 0 ? (size_t)(LINES - y - 2) : 0;

        if (view->selected < view->first)
                view->first = view->selected;
        if (view->selected >= view->first + room)
                view->first = room ? view->selected - room + 1 : view->selected;
        put_heads(view, &layout, y++);
        for (size_t i = view->first; i < view->rows->n && i < view->first + room; i++)
                put_row(&view->rows->rows[i], &layout, y++, i == view->selected);
}

/* The last lines that there is room for. */
static void
put_log(const struct cli_top_view *view, int y)
{
        const char *text = view->log ? view->log : "", *at = text + strlen(text);
        int room = LINES - y - 1;

        if (!*text)
                put_line(y, PLAIN, A_DIM, "it has logged nothing");
        for (int n = 0; at > text && n <= room; at--)
                n += at[-1] == '\n';
        if (at > text)
                at++;
        for (; *at && y < LINES - 1; y++) {
                size_t len = strcspn(at, "\n");

                mvaddnstr(y, 0, at, (int)len < COLS ? (int)len : COLS);
                at += len + (at[len] == '\n');
        }
}

static void
put_foot(const struct cli_top_view *view)
{
        char text[CLI_VIEW_TEXT];

        if (view->typing)
                snprintf(text, sizeof(text), "filter: %s_", view->filter);
        else
                snprintf(text, sizeof(text),
                         "%sEnter into  Esc back  < > sort  r turn round  / filter%s%s  p pause  q quit",
                         view->paused ? "PAUSED  " : "", view->filter[0] ? " " : "", view->filter);
        put_line(LINES - 1, PLAIN, A_DIM, text);
}

void
cli_screen_draw(struct cli_top_view *view)
{
        int y = 0;

        erase();
        put_line(y++, PLAIN, A_BOLD, view->title);
        if (view->limit[0])
                put_line(y++, view->keeps_up ? GOOD : WARM, 0, view->limit);
        if (view->lag[0])
                put_line(y++, PLAIN, 0, view->lag);
        if (view->death[0])
                put_line(y++, HOT, 0, view->death);
        if (view->level == CLI_TOP_LOG)
                put_log(view, y + 1);
        else if (view->rows->n > 0)
                put_table(view, y + 1);
        else
                put_line(y + 1, PLAIN, A_DIM, view->filter[0] ? "nothing has that in its name" : "nothing runs");
        put_foot(view);
        refresh();
}

#endif
