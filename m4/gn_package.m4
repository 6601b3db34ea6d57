# SPDX-License-Identifier: BSD-2-Clause

# GN_PACKAGE(NAME, PREFIX, MODULE): --with-NAME=yes|no|check, a pkg-config
# look-up, and the automake conditional HAVE_PREFIX.
AC_DEFUN([GN_PACKAGE], [
AC_ARG_WITH([$1],
  [AS_HELP_STRING([--with-$1], [use $1 (default: if it is there)])],
  [], [with_$1=check])
AS_IF([test "x$with_$1" != xno],
  [PKG_CHECK_MODULES([$2], [$3], [with_$1=yes],
    [AS_IF([test "x$with_$1" = xyes],
      [AC_MSG_ERROR([--with-$1 was given, but $3 was not found])])
     with_$1=no])])
AM_CONDITIONAL([HAVE_$2], [test "x$with_$1" = xyes])
])

# GN_SIM_PACKAGE(PREFIX, MODULE): look up what the simulator needs; add the
# module to sim_missing where it is absent.
AC_DEFUN([GN_SIM_PACKAGE], [
PKG_CHECK_MODULES([$1], [$2], [], [sim_missing="$sim_missing $2"])
])
