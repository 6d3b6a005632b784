/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EMULATED_HOOKS_H
#define EMULATED_HOOKS_H

#define ReportHook(when) void emulated_at_end

#endif
