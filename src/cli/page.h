/*
 * A page of help, written once and shown as text, as a man page or as
 * Markdown.
 */
#ifndef MLS_CLI_PAGE_H
#define MLS_CLI_PAGE_H

#include "cli/cli.h"

struct page {
    enum help_format format;
    struct mls_text *text;
    bool in_table;              /* Markdown: a table of terms is open */
};

/* name: "mlspec train"; summary: one line. */
void page_title(struct page *page, const char *name, const char *summary);
void page_section(struct page *page, const char *title);
/* Paragraphs, with a newline between them. */
void page_paragraphs(struct page *page, const char *text);
/* A line as it is to be typed. */
void page_line(struct page *page, const char *line);
/* A term and what it means: "-o, --output FILE". */
void page_term(struct page *page, const char *term, const char *meaning);

#endif
