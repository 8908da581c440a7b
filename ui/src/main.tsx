import { render } from "preact";
import { App } from "./app";
import { start_house } from "./state/house";
import { start_link } from "./state/link";
import { start_route } from "./state/route";
import { start_visit } from "./state/visit";
import "./style/tokens.css";
import "./style/base.css";
import "./style/house.css";
import "./style/explore.css";
import "./style/system.css";
import "./style/settings.css";

start_route();
start_house();
start_visit();
start_link();
const root = document.getElementById("app");
if (root) render(<App />, root);
