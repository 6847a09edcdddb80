/*
 * trial.h - the working tree against itself, or against a variant of itself: what `calibrate` and
 * `selftest` share. Options, set-up, one measurement, cleaning up, and the two forms of the answer.
 */
#ifndef LPG_CMD_TRIAL_H
#define LPG_CMD_TRIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/opt.h"
#include "build/checkout.h"
#include "build/package.h"
#include "cmd/prices.h"
#include "cmd/progress.h"
#include "cmd/session.h"
#include "gate/judge.h"
#include "model/plan.h"
#include "model/result.h"
#include "model/sample.h"

struct trial_args {
    const char *config, *endpoint_url, *profile, *region, *prices, *output, *journal, *colour;
    struct opt_list functions;
    uint64_t seed, rounds, max_invocations;
    double minutes, budget_usd;
    bool json, quiet, unshaped;
    struct place place;
};

struct trial {
    const struct trial_args *args;
    struct plan *plan;
    struct price_book *prices;
    struct arena arena;
    struct series series; /* of the last measurement */
    struct spend spent;   /* by all measurements */
    struct session session;
    bool session_open;
    struct result_target target;
    struct checkout checkout;
    struct progress progress;
    char *temp;
    uint64_t start_ns;
    struct buf left; /* functions that could not be removed */
    struct buf text; /* the answer for people */
    struct buf json; /* and for programs: one object */
    struct json_writer writer;
};

/* A subcommand of this kind. `run` adds to the text and to the writer's open object. */
struct trial_command {
    const char *name;        /* "calibrate" */
    const char *file;        /* the JSON file that it writes */
    const char *description; /* for --help */
    /* Gives the exit code, or -1. Called once for each selected function. */
    int (*run)(struct trial *t, const struct plan_function *f, struct error *e);
};

/* The whole subcommand; the exit code is the worst of its functions'. */
int trial_command(const struct trial_command *command, int argc, char **argv);

/* One measurement: both sides' packages, and how far it goes. */
struct trial_measurement {
    const struct plan_function *function;
    unsigned index; /* of the function in the plan */
    const struct package *packages;
    const struct plan_function *configured[SIDE_COUNT]; /* as in struct measure_job */
    struct gate_settings settings;
    bool open_ended; /* as in struct measure_job */
};

/* Builds the function of the working tree; package_release() either way. */
int trial_build(struct trial *t, const struct plan_function *f, struct package *p, struct error *e);
/* Deploys, measures and judges, and removes both functions again. The samples are in t->series. */
int trial_measure(struct trial *t, const struct trial_measurement *m, struct result_function *out,
                  struct error *e);
/* The gate's settings of a run of this plan. */
struct gate_settings trial_settings(const struct trial *t, const struct package *p);
unsigned trial_index(const struct trial *t, const struct plan_function *f);

#endif
