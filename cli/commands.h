/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands. Each reads its own arguments, whose first is its name ("akin build"), does its
 * work, and returns an exit code. Misuse ends the program inside the argument parser, before any
 * work.
 *
 * Room: cli.
 */
#ifndef AKIN_CLI_COMMANDS_H
#define AKIN_CLI_COMMANDS_H

int cmd_demo(int argc, char **argv);
int cmd_build(int argc, char **argv);
int cmd_search(int argc, char **argv);
int cmd_gt(int argc, char **argv);
int cmd_bench(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_info(int argc, char **argv);

#endif
