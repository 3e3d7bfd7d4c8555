/**
 * Why a plain (unquoted) YAML scalar must not stand as it is, or undefined where every reader agrees on it.
 *
 * This product reads YAML 1.2, kubectl (sigs.k8s.io/yaml) a mixture of 1.1 and 1.2, other tools 1.1. Where they differ, a
 * file would mean one thing in a folder and another in a cluster; such scalars are refused, with the way to say what is meant.
 */
export function ambiguity(source: string): string | undefined {
  for (const { form, why } of ambiguous) {
    if (form.test(source)) {
      return why;
    }
  }
  return undefined;
}

const ambiguous: readonly { readonly form: RegExp; readonly why: string }[] = [
  // YAML 1.1 bool; Go's YAML reads all of these as true or false.
  {
    form: /^(?:y|Y|yes|Yes|YES|n|N|no|No|NO|on|On|ON|off|Off|OFF)$/,
    why: "means true or false to some readers and text to others; write true or false, or put it in quotes",
  },
  // `010` is 8 to kubectl and 10 to YAML 1.2.
  {
    form: /^[-+]?0[0-9_]+$/,
    why: "is octal to some readers and decimal to others; leave out the leading zero, or put it in quotes",
  },
  {
    form: /^[-+]?0[ob][0-7_]+$/,
    why: "is a number to some readers and text to others; write it in decimal, or put it in quotes",
  },
  // Sexagesimal numbers and times of YAML 1.1: `1:30` is 90.
  {
    form: /^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$/,
    why: "is a number in base 60 to some readers and text to others; put it in quotes",
  },
  {
    form: /^[-+]?(?:0x[0-9A-Fa-f]*_[0-9A-Fa-f_]*|\.?[0-9][0-9.]*_[0-9_.]*(?:[eE][-+]?[0-9_]+)?)$/,
    why: "is a number to some readers and text to others; leave out the `_`, or put it in quotes",
  },
  {
    form: /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)[eE][-+]?[0-9]+$/,
    why: "is a number to some readers and text to others; write it in full, or put it in quotes",
  },
  // YAML 1.1 merge key and value key, which YAML 1.2 does not have.
  { form: /^(?:<<|=)$/, why: "has a meaning of its own in YAML 1.1 only; write the fields out, or put it in quotes" },
];
