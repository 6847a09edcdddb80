/*
 * xml.h - one text out of a small XML answer, which is all that STS needs.
 *
 * Deliberately less than XML: elements, attributes (skipped), text, the five named entities, and a
 * declaration at the start. A document type, comment, CDATA section or processing instruction, a
 * tag that is not closed in order, text behind the root and a path that is there twice are refused.
 */
#ifndef LPG_IDENTITY_XML_H
#define LPG_IDENTITY_XML_H

#include <stddef.h>

#include "base/buf.h"

/*
 * Appends the text of the element at `path` ("AssumeRoleResponse/AssumeRoleResult/Credentials"). -1
 * when the text is no such document, or has no such element; `out` is then untouched.
 */
int xml_text(const char *xml, size_t length, const char *path, struct buf *out);

#endif
