// What the option tables of several models share.
import { ACTIVATIONS, type Activation } from "../nn/layers.ts";
import { SCHEDULES, type ScheduleName } from "../nn/schedule.ts";

/** Names of nonlinearities, for `z.enum`. */
export const ACTIVATION_NAMES = Object.keys(ACTIVATIONS) as [Activation, ...Activation[]];

/** Names of learning-rate schedules, for `z.enum`. */
export const SCHEDULE_NAMES = Object.keys(SCHEDULES) as [ScheduleName, ...ScheduleName[]];
