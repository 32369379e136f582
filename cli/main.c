/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command akin: which command, and its ending.
 *
 * Room: cli.
 */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "akin/akin.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/say.h"

struct command {
    const char *name;
    const char *full_name; /* as messages begin */
    const char *purpose;
    int (*run)(int argc, char **argv);
};

static const struct command commands[] = {
    {"demo", "akin demo", "watch threads insert, update, delete and search, and check all of it",
     cmd_demo},
    {"build", "akin build", "build an index from a file of vectors and save it", cmd_build},
    {"search", "akin search", "find the nearest entries of a saved index", cmd_search},
    {"gt", "akin gt", "compute the exact nearest rows, and prove them complete", cmd_gt},
    {"bench", "akin bench", "measure building and searching: recall, throughput, latency",
     cmd_bench},
    {"check", "akin check", "check a saved index: checksums, structure, searches", cmd_check},
    {"info", "akin info", "say what a saved index holds", cmd_info},
};
#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

static void print_version(FILE *stream, struct argp_state *state)
{
    (void)state;
    fprintf(stream, "akin %s\n%s\n", AKIN_VERSION_STRING, akin_build_info());
}

static void print_help(FILE *stream)
{
    fprintf(stream,
            "Usage: akin COMMAND [OPTION...]\n\n"
            "Akin finds nearest neighbors among vectors while other threads change them.\n\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        fprintf(stream, "  %-8s %s\n", commands[i].name, commands[i].purpose);
    }
    fprintf(stream,
            "\n  akin help COMMAND   the options of a command (also: akin COMMAND --help)\n"
            "  akin --version      version, compiler, instruction set\n\n"
            "Exit codes: 0 done, 1 data wrong or a check failed, 2 wrong usage, 3 a file\n"
            "cannot be read or written, 4 out of memory or budget, 5 index file of another\n"
            "version, 130 interrupted, 143 terminated. docs/cli.md has the rest.\n");
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return &commands[i];
        }
    }
    return NULL;
}

/* Run a command with its full name in place of its first argument: messages of argp begin with it.
 */
static int run_command(const struct command *command, int argc, char **argv)
{
    char name[32];
    snprintf(name, sizeof name, "%s", command->full_name);
    argv[0] = name;
    say_name(command->full_name);
    const int code = command->run(argc, argv);
    interrupt_remove_files();
    if (interrupt_code() != 0) {
        say_error(0, "interrupted");
        return interrupt_code();
    }
    return code;
}

static int unknown_command(const char *name)
{
    return say_error(CLI_USAGE, "unknown command '%s'; akin --help lists them", name);
}

static int help(int argc, char **argv)
{
    if (argc < 3) {
        print_help(stdout);
        return CLI_OK;
    }
    const struct command *const command = find_command(argv[2]);
    if (command == NULL) {
        return unknown_command(argv[2]);
    }
    char option[] = "--help";
    char *arguments[] = {argv[0], option, NULL};
    return run_command(command, 2, arguments);
}

static int dispatch(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return CLI_USAGE;
    }
    const char *const name = argv[1];
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
        print_version(stdout, NULL);
        return CLI_OK;
    }
    if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-?") == 0 ||
        strcmp(name, "-h") == 0) {
        return help(argc, argv);
    }
    const struct command *const command = find_command(name);
    return command != NULL ? run_command(command, argc - 1, argv + 1) : unknown_command(name);
}

int main(int argc, char **argv)
{
    argp_err_exit_status = CLI_USAGE;
    argp_program_version_hook = print_version;
    interrupt_init();
    return say_end(dispatch(argc, argv));
}
