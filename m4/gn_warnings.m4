# SPDX-License-Identifier: BSD-2-Clause

# GN_APPEND_FLAGS(VARIABLE, FLAGS): append each flag that the compiler takes.
AC_DEFUN([GN_APPEND_FLAGS], [
for gn_flag in $2; do
  AC_MSG_CHECKING([whether $CC takes $gn_flag])
  gn_saved_cflags=$CFLAGS
  # A bare -Wno-x is accepted silently, hence -Werror beside it.
  CFLAGS="$CFLAGS -Werror $gn_flag"
  AC_COMPILE_IFELSE([AC_LANG_SOURCE([int gn_probe;])],
    [AC_MSG_RESULT([yes])
     $1="$$1 $gn_flag"],
    [AC_MSG_RESULT([no])])
  CFLAGS=$gn_saved_cflags
done
])

# GN_WARNINGS: language and warning flags in GNOMON_CFLAGS.
AC_DEFUN([GN_WARNINGS], [
AC_ARG_ENABLE([werror],
  [AS_HELP_STRING([--enable-werror], [turn warnings into errors])],
  [], [enable_werror=no])
GN_APPEND_FLAGS([GNOMON_CFLAGS], [-std=c17 -Wall -Wextra -Wshadow dnl
-Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef dnl
-Wswitch-enum -Wcast-qual -Wwrite-strings -Wpointer-arith dnl
-Qunused-arguments])
AS_IF([test "x$enable_werror" = xyes],
  [GN_APPEND_FLAGS([GNOMON_CFLAGS], [-Werror])])
AC_SUBST([GNOMON_CFLAGS])
])

# GN_FREESTANDING: what the engine's objects need to fit into a bare-metal
# program, in FREESTANDING_CFLAGS.
AC_DEFUN([GN_FREESTANDING], [
GN_APPEND_FLAGS([FREESTANDING_CFLAGS], [-ffreestanding -fvisibility=hidden dnl
-fno-stack-protector -mgeneral-regs-only -mno-red-zone])
AC_SUBST([FREESTANDING_CFLAGS])
])
