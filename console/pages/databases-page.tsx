import { PageHead } from "../ui/page-head.tsx";

/** What the person may ask for. */
export function DatabasesPage() {
  return <PageHead title="Databases" />;
}
