/*
 * java.h - how a Java function is started: as Lambda's own runtimes do it, with AWS's runtime
 * interface client for Java (com.amazonaws:aws-lambda-java-runtime-interface-client).
 *
 * On Lambda the client is part of the runtime; here it is
 *
 *   - the jars in the folder that the variable LPG_JAVA_CLIENT names: they alone are the class path,
 *     and the client loads the package, its top folder and its lib/ with a loader of its own, as on
 *     Lambda;
 *   - else, when the package itself has the client, at its top or in lib/: the package.
 *
 * The virtual machine is the one of the runtime's version where a variable as on GitHub's runners
 * names it (JAVA_HOME_21_X64), else `java` in PATH. Its options are those of Lambda's: serial
 * garbage collector, C1 only from Java 17 on, a heap of 85 % of the memory (AWS Lambda developer
 * guide, "Customize Java runtime startup behavior"; the heap as seen in the command line of running
 * functions), as many processors as Lambda shows. Where JAVA_TOOL_OPTIONS of the function says
 * otherwise it wins.
 */
#ifndef LPG_SANDBOX_JAVA_H
#define LPG_SANDBOX_JAVA_H

#include "base/error.h"
#include "sandbox/function.h"
#include "sandbox/interpreter.h"
#include "sandbox/runtime.h"

/*
 * Fills an empty launch as runtime_resolve() does. The client's native library is unpacked into
 * `directory`, once per client: else each start would unpack it into /tmp, which may be shared.
 */
int java_launch(struct interpreter **list, const char *directory, const struct function *f,
                struct runtime_launch *launch, struct error *e);

/* Megabytes of heap times 1024, and processors, that Lambda gives to a function of that size. */
unsigned java_heap_kb(unsigned memory_mb);
unsigned java_processors(unsigned memory_mb);

#endif
