// What of a run's configuration is told to others: everything but where its files lie on this machine, which may have the name of a user.
import type { RunConfig } from "./folder.ts";
import { partsOf } from "./named-backbones.ts";

/** A configuration with `/PATH/NAME` for each path of this machine. What is one word, as the name of a data set, stays. */
export function withoutPlaces(config: RunConfig): RunConfig {
  const { data, from, backbone } = config;
  const [network, node] = partsOf(backbone ?? "");
  return {
    ...config,
    data: {
      ...data,
      source: named(data.source),
      location: null,
      unlabelled: data.unlabelled && named(data.unlabelled),
      add: data.add && { ...data.add, path: named(data.add.path) },
    },
    from: from && named(from),
    backbone: backbone && named(network) + (node === undefined ? "" : `@${node}`),
  };
}

/** Absolute, so that whoever makes a path absolute does not put the folder of this process before it. */
const named = (place: string): string => {
  const parts = place.split(/[\\/]+/).filter((part) => part !== "");
  return parts.join("") === place ? place : `/PATH/${parts.at(-1) ?? ""}`;
};
