/*
 * Three forms of one page.  Text is laid out here; man leaves that to troff,
 * Markdown to whoever shows it, so there only what has a meaning of its own
 * must be escaped.
 */
#include "cli/page.h"

#include <ctype.h>

#define TERM_WIDTH 30           /* of the column of terms, in text */

static void add_upper(struct mls_text *text, const char *word)
{
    for (; *word; word++) {
        char c = (char)toupper((unsigned char)*word);

        mls_text_add_bytes(text, &c, 1);
    }
}

/* troff: a backslash and a minus have meanings, and so has a leading dot. */
static void add_man(struct mls_text *text, const char *more)
{
    bool start = text->length == 0 || text->bytes[text->length - 1] == '\n';

    for (; *more; more++) {
        if (start && (*more == '.' || *more == '\''))
            mls_text_add(text, "\\&");
        start = *more == '\n';
        if (*more == '\\')
            mls_text_add(text, "\\e");
        else if (*more == '-')
            mls_text_add(text, "\\-");
        else
            mls_text_add_bytes(text, more, 1);
    }
}

static void add_markdown(struct mls_text *text, const char *more)
{
    for (; *more; more++) {
        if (strchr("|<>*_\\", *more))
            mls_text_add(text, "\\");
        mls_text_add_bytes(text, more, 1);
    }
}

/* Inside `code` nothing is escaped but what ends a cell of a table. */
static void add_code(struct mls_text *text, const char *more)
{
    mls_text_add(text, "`");
    for (; *more; more++) {
        if (*more == '|')
            mls_text_add(text, "\\");
        mls_text_add_bytes(text, more, 1);
    }
    mls_text_add(text, "`");
}

void page_title(struct page *page, const char *name, const char *summary)
{
    struct mls_text *text = page->text;

    page->in_table = false;
    switch (page->format) {
    case HELP_TEXT:
        mls_text_format(text, "%s: %s\n", name, summary);
        break;
    case HELP_MAN:
        mls_text_add(text, ".TH \"");
        for (const char *c = name; *c; c++)
            add_upper(text, *c == ' ' ? "-" : (char[]){ *c, '\0' });
        mls_text_format(text, "\" 1 \"\" \"mlspec %s\" \"mlspec\"\n.SH NAME\n",
                        mls_version());
        for (const char *c = name; *c; c++)
            add_man(text, *c == ' ' ? "-" : (char[]){ *c, '\0' });
        mls_text_add(text, " \\- ");
        add_man(text, summary);
        mls_text_add(text, "\n");
        break;
    case HELP_MARKDOWN:
        mls_text_format(text, "# %s\n\n", name);
        add_markdown(text, summary);
        mls_text_add(text, "\n");
        break;
    }
}

void page_section(struct page *page, const char *title)
{
    page->in_table = false;
    switch (page->format) {
    case HELP_TEXT:
        mls_text_format(page->text, "\n%s:\n", title);
        break;
    case HELP_MAN:
        mls_text_add(page->text, ".SH \"");
        add_upper(page->text, title);
        mls_text_add(page->text, "\"\n");
        break;
    case HELP_MARKDOWN:
        mls_text_format(page->text, "\n## %s\n", title);
        break;
    }
}

static void paragraph(struct page *page, const char *text)
{
    switch (page->format) {
    case HELP_TEXT:
        mls_text_add(page->text, "\n");
        mls_text_wrap(page->text, text, 0);
        break;
    case HELP_MAN:
        mls_text_add(page->text, ".PP\n");
        add_man(page->text, text);
        mls_text_add(page->text, "\n");
        break;
    case HELP_MARKDOWN:
        mls_text_add(page->text, "\n");
        add_markdown(page->text, text);
        mls_text_add(page->text, "\n");
        break;
    }
}

void page_paragraphs(struct page *page, const char *text)
{
    char part[2048];

    page->in_table = false;
    while (text && *text) {
        size_t length = strcspn(text, "\n");

        snprintf(part, sizeof part, "%.*s", (int)length, text);
        paragraph(page, part);
        text += length + (text[length] == '\n');
    }
}

void page_line(struct page *page, const char *line)
{
    page->in_table = false;
    switch (page->format) {
    case HELP_TEXT:
        mls_text_format(page->text, "  %s\n", line);
        break;
    case HELP_MAN:
        mls_text_add(page->text, ".PP\n.nf\n");
        add_man(page->text, line);
        mls_text_add(page->text, "\n.fi\n");
        break;
    case HELP_MARKDOWN:
        mls_text_format(page->text, "\n    %s\n", line);
        break;
    }
}

void page_term(struct page *page, const char *term, const char *meaning)
{
    /* The room for a letter matters only where columns do. */
    while (page->format != HELP_TEXT && *term == ' ')
        term++;
    switch (page->format) {
    case HELP_TEXT:
        mls_text_format(page->text, "  %s", term);
        if (mls_text_width(term, strlen(term)) + 4 > TERM_WIDTH)
            mls_text_add(page->text, "\n");
        mls_text_pad(page->text, TERM_WIDTH);
        mls_text_wrap(page->text, meaning, TERM_WIDTH);
        break;
    case HELP_MAN:
        mls_text_add(page->text, ".TP\n\\fB");
        add_man(page->text, term);
        mls_text_add(page->text, "\\fR\n");
        add_man(page->text, meaning);
        mls_text_add(page->text, "\n");
        break;
    case HELP_MARKDOWN:
        if (!page->in_table)
            mls_text_add(page->text, "\n| | |\n|---|---|\n");
        page->in_table = true;
        mls_text_add(page->text, "| ");
        add_code(page->text, term);
        mls_text_add(page->text, " | ");
        add_markdown(page->text, meaning);
        mls_text_add(page->text, " |\n");
        break;
    }
}
