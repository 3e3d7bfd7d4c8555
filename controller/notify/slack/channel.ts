import type { AccessWorkflow } from "#kinds/index.ts";

/** Annotation of an AccessWorkflow: the channel in which its requests are shown. */
export const slackChannelAnnotation = "sallyport.dev/slack-channel";

/** Whether that may be the ID of a channel (Slack: conversations have IDs of C, or of G for older private ones). Names can be given to others. Pure. */
export function isChannelID(text: string): boolean {
  return /^[CG][A-Z0-9]{6,20}$/.test(text);
}

/** The channel that a workflow names; undefined where it names none, or what is no ID. Pure. */
export function slackChannelOf({ metadata }: AccessWorkflow): string | undefined {
  const named = metadata.annotations?.[slackChannelAnnotation];
  return named !== undefined && isChannelID(named) ? named : undefined;
}
